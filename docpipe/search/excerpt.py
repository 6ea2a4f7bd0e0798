"""The part of a passage that speaks most of what was asked."""

from __future__ import annotations

import re

_PIECES = re.compile(r"(?<=[.!?])\s+|\n+")
_WORDS = re.compile(r"\w{3,}")
_ELLIPSIS = "…"


def excerpt(text: str, query: str, longest: int = 400) -> str:
    """Cut a passage to whole sentences or lines around the one that shares most words with the query.

    Returns the text itself where it is short enough; `longest` is in characters, ellipses not counted.
    """
    pieces = [piece for piece in _PIECES.split(text) if piece.strip()]
    if len(text) <= longest or not pieces:
        return text[:longest]
    asked = set(_WORDS.findall(query.lower()))
    scores = [len(asked & set(_WORDS.findall(piece.lower()))) for piece in pieces]
    first = last = scores.index(max(scores))
    size = len(pieces[first])
    # Grow towards the better neighbour for as long as it fits; what follows wins a tie, since it often explains.
    while True:
        after = (scores[last + 1], 1) if last + 1 < len(pieces) and size + len(pieces[last + 1]) <= longest else (-1, 0)
        before = (scores[first - 1], 0) if first > 0 and size + len(pieces[first - 1]) <= longest else (-1, 0)
        if max(after, before)[0] < 0:
            break
        if after > before:
            last += 1
            size += len(pieces[last])
        else:
            first -= 1
            size += len(pieces[first])
    shown = "\n".join(pieces[first : last + 1])[: longest + last - first]
    return f"{_ELLIPSIS} " * (first > 0) + shown + f" {_ELLIPSIS}" * (last + 1 < len(pieces))
