"""Amounts of money and percentages."""

from __future__ import annotations

import re
from decimal import Decimal

from docpipe.enrich.recognizer import Found, Recognizer, whole

_SIGNS = {
    "US$": "USD", "A$": "AUD", "C$": "CAD", "HK$": "HKD", "NZ$": "NZD", "R$": "BRL", "$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY",
    "￥": "JPY", "₹": "INR", "₽": "RUB", "₩": "KRW", "₺": "TRY", "₪": "ILS", "₴": "UAH", "zł": "PLN", "Kč": "CZK",
}  # fmt: skip
"""A sign that several currencies share stands for the most traded one."""

_CODES = (
    "EUR", "USD", "GBP", "CHF", "JPY", "CNY", "AUD", "CAD", "NZD", "SEK", "NOK", "DKK", "PLN",
    "CZK", "HUF", "RON", "INR", "BRL", "RUB", "KRW", "TRY", "ILS", "ZAR", "MXN", "SGD", "HKD",
)  # fmt: skip
_TIMES = {
    "k": 3,
    "m": 6,
    "mio": 6,
    "million": 6,
    "millions": 6,
    "millionen": 6,
    "bn": 9,
    "mrd": 9,
    "billion": 9,
    "billions": 9,
    "milliarden": 9,
}

_CURRENCY = "|".join(map(re.escape, sorted((*_SIGNS, *_CODES), key=len, reverse=True)))
_BLANK = r"[ \u00a0\u202f]?"
_NUMBER = r"[0-9]{1,3}(?:[.,'’ \u00a0\u202f][0-9]{3}){1,5}(?:[.,][0-9]{1,2})?(?![0-9])|[0-9]{1,15}(?:[.,][0-9]{1,2})?(?![0-9])"
_TIMES_PATTERN = rf"(?:{_BLANK}(?P<times>(?i:{'|'.join(sorted(_TIMES, key=len, reverse=True))}))\b\.?)?"
_PERCENT = r"(?:%|٪|(?i:percent|per cent|prozent|pour cent|por ciento)\b)"

_SEPARATOR = re.compile(r"[.,'’ \u00a0\u202f]")


def decimal(number: str) -> Decimal:
    """The number that a text such as `1.234,50`, `1,234.50`, `1 234` or `12,5` stands for; three digits after a separator are thousands."""
    parts = _SEPARATOR.split(number)
    if len(parts) > 1 and len(parts[-1]) != 3:
        return Decimal(f"{''.join(parts[:-1])}.{parts[-1]}")
    return Decimal("".join(parts))


def _amount(match: re.Match[str]) -> Found:
    times = match["times"]
    amount = decimal(match["number"]).scaleb(_TIMES[times.lower()] if times else 0)
    sign = "-" if match["minus"] else ""
    return whole(match, f"{_SIGNS.get(match['currency'], match['currency'])} {sign}{amount:.2f}")


def _percentage(match: re.Match[str]) -> Found:
    sign = "-" if match["minus"] in {"-", "−"} else ""
    number = Decimal(match["number"].replace(",", "."))
    return whole(match, f"{sign}{number.normalize():f}%")


AMOUNTS = (
    Recognizer(
        "amount", re.compile(rf"(?<![\w$])(?P<minus>[-−])?(?P<currency>{_CURRENCY}){_BLANK}(?P<number>{_NUMBER}){_TIMES_PATTERN}"), _amount
    ),
    Recognizer(
        "amount",
        re.compile(rf"(?<![\w.,])(?P<minus>[-−])?(?P<number>{_NUMBER}){_TIMES_PATTERN}{_BLANK}(?P<currency>{_CURRENCY})(?!\w)"),
        _amount,
    ),
    Recognizer(
        "percentage",
        re.compile(rf"(?<![\w.,])(?P<minus>[-−+])?(?P<number>[0-9]{{1,6}}(?:[.,][0-9]{{1,6}})?){_BLANK}{_PERCENT}"),
        _percentage,
    ),
)
