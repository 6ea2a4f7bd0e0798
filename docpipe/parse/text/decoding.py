"""Bytes to text, when nobody says which encoding they have."""

from __future__ import annotations

import codecs
import re
import unicodedata

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SAMPLE = 64 * 1024
_BEFORE = 1024
"""Bytes before the first that is no UTF-8 which help to tell what it is."""
# Control characters that no text holds; C1 controls are left out, since cp1252 assigns most of their bytes.
_CONTROL = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_UTF8_MAX = 4
_ISO_2022_JP = re.compile(rb"\x1b(?:\$[@B]|\([BJ])")
_COMMON = dict.fromkeys(("cp1252", "cp1250", "cp1251"), 0.03) | dict.fromkeys(
    ("cp1253", "cp1254", "cp1255", "cp1256", "koi8_r", "cp866", "mac_roman", "shift_jis", "cp932", "euc_jp", "gb18030", "big5", "euc_kr"),
    0.02,
)
"""Added to the score of encodings that files really have: without it, French in cp1252 is taken for Baltic by two letters."""
# Letters where ISO 8859-2 has them; cp1250 has signs there, or its own letters between 0x80 and 0x9f.
_LATIN_2 = re.compile(rb"[\xb1\xb6\xbc\xbe]")
_C1 = re.compile(rb"[\x80-\x9f]")
_ZEROS_A_BLANK = 4
"""A quarter of zero bytes, as in any Latin text, is as good a sign as a blank."""
_LEAST_WIDE = 8
"""Bytes from which UTF-16 or UTF-32 without a mark is believed."""
_WIDE = (("utf-32-le", 4), ("utf-32-be", 4), ("utf-16-le", 2), ("utf-16-be", 2))
_TEXT_CATEGORIES = frozenset("LMNPSZ")


def encoding_of(head: bytes) -> str | None:
    """The encoding of a text that begins with these bytes; None where they are no text.

    A byte-order mark decides, then the zero bytes of UTF-16 and UTF-32, then valid UTF-8, then statistics over the first
    64 KiB, else cp1252.
    """
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    if b"\0" in head:
        return _wide(head[:_SAMPLE])
    if _CONTROL.search(head.decode("latin-1")):
        return None
    if _ISO_2022_JP.search(head) and _decodes(head[:_SAMPLE], "iso2022_jp"):
        return "iso2022_jp"
    if _is_utf8(head):
        return "utf-8"
    return _guess(head[:_SAMPLE])


def decode(data: bytes) -> str:
    """The text; bytes that do not fit the encoding become U+FFFD. Line ends become `\\n`."""
    encoding = encoding_of(data[:_SAMPLE]) or "cp1252"
    if encoding == "utf-8" and (at := _damage(data)) is not None and not _is_mostly_utf8(data):
        # Not by the beginning, which may well be ASCII.
        encoding = _guess(data[max(0, at - _BEFORE) :][:_SAMPLE])
    return data.decode(encoding, errors="replace").replace("\r\n", "\n").replace("\r", "\n")


def _is_utf8(data: bytes) -> bool:
    return _damage(data) is None


def _damage(data: bytes) -> int | None:
    """Where the data stop being UTF-8; None where they do not."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        # A character cut in two at the end of the sample is no error.
        return None if error.reason == "unexpected end of data" and len(data) - error.start < _UTF8_MAX else error.start
    return None


def _is_mostly_utf8(data: bytes) -> bool:
    """Whether more characters beyond ASCII are valid than damaged: in another encoding hardly any two bytes are by chance."""
    text = data.decode("utf-8", errors="replace")
    damaged = text.count("\ufffd")
    return len(text) - len(text.encode("ascii", errors="ignore")) > 2 * damaged


def _wide(sample: bytes) -> str | None:
    """The encoding with two or four bytes a character in which the sample is text; None where it is in none of them.

    Other files decode too, but to characters that no text holds, or that nobody has assigned.
    """
    if len(sample) < _LEAST_WIDE:
        return None
    found = {name: text for name, unit in _WIDE if (text := _as_text(sample[: len(sample) // unit * unit], name)) is not None}
    # Text has blanks and line ends; with its bytes the wrong way round it has signs from rare blocks in their place.
    return max(found, key=lambda name: sum(map(str.isspace, found[name])), default=None)


def _as_text(sample: bytes, encoding: str) -> str | None:
    try:
        text = sample.decode(encoding)
    except UnicodeDecodeError as error:
        # A character cut in two at the end of the sample is no error.
        if len(sample) - error.start >= _UTF8_MAX:
            return None
        text = sample[: error.start].decode(encoding)
    meant = all(character in "\t\n\r\f" or unicodedata.category(character)[0] in _TEXT_CATEGORIES for character in set(text))
    letters = sum(character.isalnum() or character.isspace() for character in text)
    blanks = sum(map(str.isspace, text)) + sample.count(b"\0") * _ZEROS_A_BLANK // len(sample)
    return text if meant and blanks and letters * 2 > len(text) else None


def _decodes(sample: bytes, encoding: str) -> bool:
    try:
        codecs.getincrementaldecoder(encoding)().decode(sample)
    except UnicodeDecodeError:
        return False
    return True


def _guess(sample: bytes) -> str:
    from charset_normalizer import CharsetMatch, from_bytes

    def score(match: CharsetMatch) -> float:
        return match.coherence - match.chaos + max(_COMMON.get(name, 0.0) for name in match.could_be_from_charset)

    best = max(from_bytes(sample), key=score, default=None)
    if best is None:
        return "cp1252"
    if best.encoding == "cp1250" and _LATIN_2.search(sample) and not _C1.search(sample):
        return "iso8859_2"
    return best.encoding
