"""Where a text may be cut without taking a letter apart: between the characters that people see."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence

import regex

_CLUSTER = regex.compile(r"\X")
_LONGEST = 64
"""Code points of a letter; Unicode's stream-safe format has 31 at most, and emoji of families 20. What is longer is cut."""


def boundaries(text: str) -> Sequence[int]:
    """Positions between letters (extended grapheme clusters of Unicode annex 29), both ends of the text included."""
    if text.isascii():
        return range(len(text) + 1)
    return [*_starts(text), len(text)]


def at_or_before(places: Sequence[int], place: int) -> int:
    """The last of some boundaries that does not lie behind `place`."""
    return places[bisect_right(places, place) - 1]


def at_or_after(places: Sequence[int], place: int) -> int:
    """The first of some boundaries that does not lie before `place`."""
    return places[bisect_left(places, place)]


def _starts(text: str) -> Iterator[int]:
    for match in _CLUSTER.finditer(text):
        yield from range(match.start(), match.end(), _LONGEST)
