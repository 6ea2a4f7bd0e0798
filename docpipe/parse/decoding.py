"""Bytes to text, when nobody says which encoding they have."""

from __future__ import annotations

import codecs
import re

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SAMPLE = 64 * 1024
# Control characters that no text holds; C1 controls are left out, since cp1252 assigns most of their bytes.
_CONTROL = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_UTF8_MAX = 4


def encoding_of(head: bytes) -> str | None:
    """The encoding of a text that begins with these bytes; None where they are no text.

    A byte-order mark decides, then valid UTF-8, then statistics over the first 64 KiB, else cp1252.
    """
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    if _CONTROL.search(head.decode("latin-1")):
        return None
    if _is_utf8(head):
        return "utf-8"
    return _guess(head[:_SAMPLE])


def decode(data: bytes) -> str:
    """The text; bytes that do not fit the encoding become U+FFFD. Line ends become `\\n`."""
    encoding = encoding_of(data[:_SAMPLE]) or "cp1252"
    if encoding == "utf-8" and not _is_utf8(data):
        encoding = _guess(data[:_SAMPLE])
    return data.decode(encoding, errors="replace").replace("\r\n", "\n").replace("\r", "\n")


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        # A character cut in two at the end of the sample is no error.
        return error.reason == "unexpected end of data" and len(data) - error.start < _UTF8_MAX
    return True


def _guess(sample: bytes) -> str:
    from charset_normalizer import from_bytes

    best = from_bytes(sample).best()
    return best.encoding if best else "cp1252"
