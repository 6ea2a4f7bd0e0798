"""Addresses and numbers that name something: URLs, e-mail, accounts, cards, machines, telephones."""

from __future__ import annotations

import ipaddress
import re

from docpipe.enrich.recognizer import Found, Recognizer, whole

_IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BR": 29, "BY": 28, "CH": 21,
    "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18, "FO": 18, "FR": 27,
    "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26,
    "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "MC": 27, "MD": 24,
    "ME": 22, "MK": 19, "MR": 27, "MT": 31, "MU": 30, "NL": 18, "NO": 15, "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29,
    "RO": 24, "RS": 22, "SA": 24, "SC": 31, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "TN": 24, "TR": 26, "UA": 29, "VA": 22,
    "VG": 24, "XK": 20,
}  # fmt: skip
"""Characters of an IBAN by country (ISO 13616 registry)."""

_CARD_LENGTHS = range(13, 20)
_PHONE_DIGITS = range(7, 16)
"""ITU-T E.164 allows 15 digits at most."""


def _url(match: re.Match[str]) -> Found | None:
    text = match.group()
    while text and (text[-1] in ".,;:!?'\"*_" or (text[-1] in ")]}" and text.count(text[-1]) > text.count("([{"[")]}".index(text[-1])]))):
        text = text[:-1]
    host = text.split("//")[-1]
    return Found(match.start(), match.start() + len(text), text if "//" in text else f"http://{text}") if "." in host else None


def _email(match: re.Match[str]) -> Found | None:
    name, _, host = match.group().rpartition("@")
    return None if name.startswith(".") or name.endswith(".") or ".." in name else whole(match, f"{name}@{host.lower()}")


def _iban(match: re.Match[str]) -> Found | None:
    """The country decides the length; the rest must leave 1 when divided by 97 (ISO 7064)."""
    text = match.group()
    length = _IBAN_LENGTHS.get(text[:2])
    end, compact = 0, ""
    while length and end < len(text) and len(compact) < length:
        compact += text[end].strip()
        end += 1
    if len(compact) != length or text[end : end + 1].isalnum():
        return None
    digits = "".join(str(int(sign, 36)) for sign in compact[4:] + compact[:4])
    return Found(match.start(), match.start() + end, compact) if int(digits) % 97 == 1 else None


def _card(match: re.Match[str]) -> Found | None:
    """A payment card, by its first digit and Luhn's check; only the first and last four digits are shown."""
    text = match.group()
    digits = [int(sign) for sign in text if sign.isdigit()]
    doubled = [digit if place % 2 == 0 else digit * 2 - 9 * (digit > 4) for place, digit in enumerate(reversed(digits))]
    if len(digits) not in _CARD_LENGTHS or digits[0] not in {2, 3, 4, 5, 6} or sum(doubled) % 10 or len(set(digits)) == 1:
        return None
    hidden = range(4, len(digits) - 4)
    place = -1
    masked = ""
    for sign in text:
        place += sign.isdigit()
        masked += "*" if sign.isdigit() and place in hidden else sign
    return Found(match.start(), match.end(), masked=masked)


def _address(match: re.Match[str]) -> Found | None:
    try:
        return whole(match, str(ipaddress.ip_address(match.group())))
    except ValueError:
        return None


def _phone(match: re.Match[str]) -> Found | None:
    text = match.group()
    # The (0) of +49 (0)30 is dialled inside the country only.
    digits = "".join(sign for sign in text.replace("(0)", "") if sign.isdigit())
    return whole(match, f"+{digits}" if text.startswith("+") else "") if len(digits) in _PHONE_DIGITS else None


IDENTIFIERS = (
    Recognizer(
        "url",
        re.compile(r"(?<![\w@])(?:https?://|ftp://|www\.)[^\s<>\"`|]{3,2000}", re.IGNORECASE),
        _url,
        re.compile("//|www", re.IGNORECASE),
    ),
    Recognizer(
        "email",
        re.compile(r"(?<![\w.+%-])[\w.+%-]{1,64}@(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,8}[^\W\d_]{2,24}(?![\w-])"),
        _email,
        re.compile("@"),
    ),
    Recognizer("iban", re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]){11,30}"), _iban),
    Recognizer("card", re.compile(r"(?<![\w.,+-])(?<![A-Z]{2}[0-9]{2} )[0-9](?:[ -]?[0-9]){12,18}(?![\w-])"), _card),
    Recognizer("ip", re.compile(r"(?<![\w.])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![\w]|\.[0-9])"), _address),
    Recognizer(
        "ip", re.compile(r"(?<![\w:.])(?=[0-9A-Fa-f:]{5})(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}(?![\w:.])"), _address, re.compile(":")
    ),
)

PHONES = (
    Recognizer("phone", re.compile(r"(?<![\w+])\+[1-9](?:[ \u00a0().\-/]{0,3}[0-9]){6,15}(?![0-9])"), _phone),
    Recognizer("phone", re.compile(r"(?<![\w.,/+-])(?:\([0-9]{3}\) ?|[0-9]{3}[-.])[0-9]{3}[-. ][0-9]{4}(?![\w-])"), _phone),
    Recognizer(
        "phone", re.compile(r"(?<![\w.,/+-])(?<![0-9] )\(?0[1-9][0-9]{0,4}\)?(?:[ \-/][0-9]{2,8}){1,5}(?![\w/-]|[.,][0-9])"), _phone
    ),
)
"""After dates and amounts: a telephone number is the least certain of all."""
