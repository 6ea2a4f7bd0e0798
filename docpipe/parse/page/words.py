"""The words of a page, with font size and weight."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import Any

from docpipe.parse.page.arabic import is_arabic
from docpipe.parse.page.arabic import line_text as logical_text
from docpipe.parse.page.element import Rectangle
from docpipe.parse.page.letters import is_spaceless
from docpipe.parse.page.page_text import PageText

_BOLD_NAMES = ("bold", "black", "heavy", "semibold", "demi")
_MONOSPACED_NAMES = ("courier", "mono", "consol", "menlo", "typewriter", "cmtt", "inconsolata", "sourcecode")

Font = tuple[float, bool, bool]
"""Size in points, whether it is bold, whether its letters have one width."""


@dataclass(frozen=True, slots=True)
class Word:
    """One word, in logical order: right-to-left scripts need no reversing."""

    text: str
    box: Rectangle
    block: int
    line: int
    size: float
    bold: bool
    monospaced: bool = False


def line_text(line: Sequence[Word]) -> str:
    """The words of a line; Chinese and Japanese ones that are only set apart, without blanks."""
    parts: list[str] = []
    for number, word in enumerate(line):
        if number:
            before = line[number - 1]
            close = is_spaceless(before.text[-1]) and is_spaceless(word.text[0]) and word.box[0] - before.box[2] < 0.5 * word.size
            parts.append("" if close else " ")
        parts.append(word.text)
    return "".join(parts)


def words(page_text: PageText) -> list[Word]:
    """The words of a page, in the order of its content."""
    fonts = _fonts(page_text)
    corrected = _corrected(page_text) if is_arabic("".join(word[4] for word in page_text.words)) else {}
    lines: dict[tuple[int, int], list[Any]] = {}
    for word in page_text.words:
        lines.setdefault((word[5], word[6]), []).append(word)
    found = []
    for place, line in lines.items():
        texts = _divided(corrected.get(place, ""), [word[4] for word in line])
        font = fonts.get(place)
        for index, (left, top, right, bottom, text, block, number, _) in enumerate(line):
            size, bold, monospaced = font or (round(bottom - top, 1), False, False)
            found.append(Word(texts[index] if texts else text, (left, top, right, bottom), block, number, size, bold, monospaced))
    return found


def _divided(letters: str, words: Sequence[str]) -> list[str]:
    """The letters of a line divided as its words are; nothing where they are not the same letters."""
    ends = list(accumulate(map(len, words)))
    return [letters[end - len(word) : end] for word, end in zip(words, ends, strict=True)] if ends and ends[-1] == len(letters) else []


def _corrected(page_text: PageText) -> dict[tuple[int, int], str]:
    """The letters of each line with Arabic ligatures the right way round, without blanks."""
    return {
        (number, index): "".join(logical_text(line["spans"]).split())
        for number, block in enumerate(page_text.characters)
        for index, line in enumerate(block.get("lines", ()))
    }


def _fonts(page_text: PageText) -> dict[tuple[int, int], Font]:
    """The font of most of the characters of each line."""
    fonts: dict[tuple[int, int], Font] = {}
    for number, block in enumerate(page_text.blocks):
        for index, line in enumerate(block.get("lines", ())):
            fonts[number, index] = line_font(line["spans"])
    return fonts


def line_font(spans: list[dict[str, Any]]) -> Font:
    """The font of most of the characters."""
    if len(spans) == 1:
        return _font(spans[0]["size"], spans[0]["flags"], spans[0]["font"])
    weight: dict[Font, int] = {}
    for span in spans:
        font = _font(span["size"], span["flags"], span["font"])
        weight[font] = weight.get(font, 0) + len(span["text"].strip())
    return max(weight, key=lambda font: weight[font], default=(0.0, False, False))


@lru_cache(maxsize=4_096)
def _font(size: float, flags: int, name: str) -> Font:
    """A document has few of them, and thousands of lines."""
    # Bits 3 and 4 of the flags come from the font's descriptor, which many writers leave empty: the name says it too.
    name = name.lower()
    bold = bool(flags & 16) or any(part in name for part in _BOLD_NAMES)
    return round(size, 1), bold, bool(flags & 8) or any(part in name for part in _MONOSPACED_NAMES)
