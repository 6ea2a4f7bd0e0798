"""Program text: its lines and its indentation mean something."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import median, median_low

from docpipe.parse.page.element import Element, Rectangle, clean, union

_WIDE = 400
"""Columns at most: text further to the right follows the text before it after one blank."""


def listing(pieces: Sequence[tuple[str, Rectangle]]) -> str:
    """The text of words or lines in a font with letters of one width, each set at its row and column.

    A blank line stays one, however high it is.
    """
    pieces = [(text, box) for text, box in pieces if text.strip()]
    if not pieces:
        return ""
    advance = median((box[2] - box[0]) / len(text) for text, box in pieces) or 1.0
    left = min(box[0] for _, box in pieces)
    rows = _rows(pieces)
    tops = [min(box[1] for _, box in row) for row in rows]
    pitch = median_low([after - before for before, after in pairwise(tops)] or [1.0])
    lines: list[str] = []
    for number, row in enumerate(rows):
        if number and tops[number] - tops[number - 1] > 1.6 * pitch:
            lines.append("")
        line = ""
        for text, box in sorted(row, key=lambda piece: piece[1][0]):
            column = min(_WIDE, round((box[0] - left) / advance))
            line += " " * max(column - len(line), 1 if line else 0) + text
        lines.append(clean(line.rstrip()))
    return "\n".join(lines)


def joined(parts: Sequence[Element]) -> Element:
    """Neighbouring pieces of program text as one."""
    left = min(part.box[0] for part in parts)
    # Letters of one width are six tenths of their size wide, in Courier and in most fonts after it.
    advance = 0.6 * (parts[0].size or 10.0)
    texts = []
    for part in parts:
        indent = " " * min(_WIDE, round((part.box[0] - left) / advance))
        texts += [indent + line if line else line for line in part.text.split("\n")]
    first = parts[0]
    return Element("code", "\n".join(texts), union([part.box for part in parts]), first.size, first.bold)


def _rows(pieces: Sequence[tuple[str, Rectangle]]) -> list[list[tuple[str, Rectangle]]]:
    rows: list[list[tuple[str, Rectangle]]] = []
    for piece in sorted(pieces, key=lambda piece: piece[1][1] + piece[1][3]):
        middle = (piece[1][1] + piece[1][3]) / 2
        if rows and middle < rows[-1][0][1][3] and rows[-1][0][1][1] < middle:
            rows[-1].append(piece)
        else:
            rows.append([piece])
    return rows
