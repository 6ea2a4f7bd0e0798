"""The words of a page, with font size and weight."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from docpipe.parse.arabic import is_arabic, line_text
from docpipe.parse.element import Rectangle

_BOLD_NAMES = ("bold", "black", "heavy", "semibold", "demi")


@dataclass(frozen=True, slots=True)
class Word:
    """One word, in logical order: right-to-left scripts need no reversing."""

    text: str
    box: Rectangle
    block: int
    line: int
    size: float
    bold: bool


def words(page: Any) -> list[Word]:
    """The words of an unrotated PDF page, in the order of its content."""
    import pymupdf

    flags = pymupdf.TEXTFLAGS_WORDS & ~pymupdf.TEXT_CID_FOR_UNKNOWN_UNICODE
    textpage = page.get_textpage(flags=flags)
    fonts = _fonts(textpage)
    extracted = textpage.extractWORDS()
    corrected = _corrected(textpage) if any(is_arabic(word[4]) for word in extracted) else {}
    lines: dict[tuple[int, int], list[Any]] = {}
    for word in extracted:
        lines.setdefault((word[5], word[6]), []).append(word)
    found = []
    for place, line in lines.items():
        texts = corrected.get(place, [])
        for index, (left, top, right, bottom, text, block, number, _) in enumerate(line):
            size, bold = fonts.get(place, (round(bottom - top, 1), False))
            right_text = texts[index] if len(texts) == len(line) else text
            found.append(Word(right_text, (left, top, right, bottom), block, number, size, bold))
    return found


def _corrected(textpage: Any) -> dict[tuple[int, int], list[str]]:
    """The words of each line with Arabic ligatures the right way round."""
    return {
        (number, index): line_text(line["spans"]).split()
        for number, block in enumerate(textpage.extractRAWDICT()["blocks"])
        for index, line in enumerate(block.get("lines", ()))
    }


def _fonts(textpage: Any) -> dict[tuple[int, int], tuple[float, bool]]:
    """Size and weight of most of the characters of each line."""
    fonts: dict[tuple[int, int], tuple[float, bool]] = {}
    for number, block in enumerate(textpage.extractDICT()["blocks"]):
        for index, line in enumerate(block.get("lines", ())):
            fonts[number, index] = line_font(line["spans"])
    return fonts


def line_font(spans: list[dict[str, Any]]) -> tuple[float, bool]:
    """Size and weight of most of the characters."""
    weight: dict[tuple[float, bool], int] = {}
    for span in spans:
        font = (round(float(span["size"]), 1), _is_bold(span))
        weight[font] = weight.get(font, 0) + len(span["text"].strip())
    return max(weight, key=lambda font: weight[font], default=(0.0, False))


def _is_bold(span: dict[str, Any]) -> bool:
    # Bit 4 of the flags comes from the font's descriptor, which many writers leave empty.
    return bool(span["flags"] & 16) or any(name in span["font"].lower() for name in _BOLD_NAMES)
