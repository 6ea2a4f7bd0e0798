"""What a word is made of, for patterns: Python's own classes leave out the vowel signs of Indic scripts and other marks."""

from __future__ import annotations

import unicodedata


def _marks() -> str:
    """All combining marks of the Basic Multilingual Plane, as ranges of a character class."""
    ranges: list[list[int]] = []
    for code in range(0x300, 0xFFFF):
        if unicodedata.category(chr(code))[0] != "M":
            continue
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return "".join(f"\\u{first:04x}-\\u{last:04x}" for first, last in ranges)


MARKS = _marks()
"""To be put between square brackets."""
