"""Lam-alef ligatures, which MuPDF gives back the wrong way round.

One glyph stands for two letters; MuPDF puts the alef first, with no width, then the lam with the glyph's whole width.
Without the widths nobody could tell: alef before lam is the article, the most frequent pair of letters there is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

_LETTERS = re.compile("[\u0600-\u06ff]")
_ALEF = frozenset("\u0622\u0623\u0625\u0627")
_LAM = "\u0644"


def is_arabic(text: str) -> bool:
    """Whether the text holds a letter of the Arabic script."""
    return not text.isascii() and bool(_LETTERS.search(text))


def line_text(spans: Sequence[Mapping[str, Any]]) -> str:
    """The text of a line of PyMuPDF's `rawdict`, with every lam before its alef."""
    characters = [character for span in spans for character in span["chars"]]
    letters = [character["c"] for character in characters]
    for index in range(len(letters) - 1):
        left, _, right, _ = characters[index]["bbox"]
        if letters[index] in _ALEF and letters[index + 1] == _LAM and right - left < 0.01:
            letters[index], letters[index + 1] = _LAM, letters[index]
    return "".join(letters)
