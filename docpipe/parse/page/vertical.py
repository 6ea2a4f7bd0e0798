"""Vertical Japanese and Chinese: columns from right to left, in bands from top to bottom."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from docpipe.parse.page.element import Element, clean, join_lines, union
from docpipe.parse.page.letters import is_spaceless
from docpipe.parse.page.words import Word, line_text

_FEW = 40
"""Letters of a page that must stand below one another before it counts as vertical."""


def is_vertical(words: Sequence[Word]) -> bool:
    """Whether most letters of a page stand below the one before, and not beside it."""
    below = sum(_below(one, other) for one, other in pairwise(words))
    letters = sum(len(word.text) for word in words)
    return below >= _FEW and 2 * below > letters


def elements(words: Sequence[Word]) -> tuple[Element, ...]:
    """Paragraphs of a vertical page in reading order; lines that run across it come first, one element each."""
    columns: list[list[Word]] = []
    for word in words:
        if columns and _below(columns[-1][-1], word):
            columns[-1].append(word)
        else:
            columns.append([word])
    upright = [column for column in columns if len(column) > 1]
    top, bottom = min(column[0].box[1] for column in upright), max(column[-1].box[3] for column in upright)
    lines: dict[tuple[int, int], list[Word]] = {}
    for column in columns:
        if len(column) == 1:
            word = column[0]
            if len(word.text) == 1 and is_spaceless(word.text) and top <= word.box[1] and word.box[3] <= bottom:
                upright.append(column)
            else:
                lines.setdefault((word.block, word.line), []).append(word)
    found = [one for line in sorted(lines.values(), key=lambda line: (line[0].box[1], -line[0].box[0])) for one in _element([line])]
    for band in _bands(upright):
        found += [one for paragraph in _paragraphs(band) for one in _element(paragraph)]
    return tuple(found)


def _below(one: Word, other: Word) -> bool:
    if not (is_spaceless(one.text[-1]) and is_spaceless(other.text[0]) and len(one.text) == len(other.text) == 1):
        return False
    size = max(one.size, 1.0)
    return abs(one.box[0] - other.box[0]) < 0.4 * size and 0.2 * size < other.box[1] - one.box[1] < 2.6 * size


def _bands(columns: Sequence[list[Word]]) -> Iterator[list[list[Word]]]:
    """Columns side by side, from the top of the page; a band ends where none of its columns reaches on."""
    band: list[list[Word]] = []
    bottom = 0.0
    for column in sorted(columns, key=lambda column: column[0].box[1]):
        # Letters overlap by a little where two bands meet.
        if band and column[0].box[1] > bottom - 0.3 * column[0].size:
            yield band
            band, bottom = [], 0.0
        band.append(column)
        bottom = max(bottom, column[-1].box[3])
    if band:
        yield band


def _paragraphs(band: Sequence[list[Word]]) -> Iterator[list[list[Word]]]:
    """Columns from right to left; a new paragraph begins after a column that ends early, and with an indented one after a stop."""
    size = max(word.size for column in band for word in column)
    top, bottom = min(column[0].box[1] for column in band), max(column[-1].box[3] for column in band)
    paragraph: list[list[Word]] = []
    for column in sorted(band, key=lambda column: (-round(column[0].box[0] / (0.5 * max(size, 1.0))), column[0].box[1])):
        beside = paragraph and abs(paragraph[-1][0].box[0] - column[0].box[0]) > 0.5 * size
        early = paragraph and paragraph[-1][-1].box[3] < bottom - 2.5 * size
        stopped = paragraph and paragraph[-1][-1].text == "\u3002" and column[0].box[1] > top + 0.8 * size
        if beside and (early or stopped):
            yield paragraph
            paragraph = []
        paragraph.append(column)
    if paragraph:
        yield paragraph


def _element(lines: Sequence[Sequence[Word]]) -> list[Element]:
    words = [word for line in lines for word in line]
    text = clean(
        join_lines(["".join(word.text for word in line) if len(lines) > 1 or _upright(line) else line_text(line) for line in lines])
    )
    size = max(word.size for word in words)
    return [Element("text", text, union([word.box for word in words]), size, all(word.bold for word in words))] if text else []


def _upright(line: Sequence[Word]) -> bool:
    return len(line) > 1 and _below(line[0], line[1])
