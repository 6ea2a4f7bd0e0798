"""Is a page simple prose, which the plain text reader reads as well as the layout model?"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from operator import itemgetter
from typing import NamedTuple

from docpipe.parse.page.arabic import is_arabic
from docpipe.parse.page.element import Rectangle
from docpipe.parse.page.page_text import PageText

_EDGE = 0.08
"""Share of the page's height, at the top and at the bottom, where headers, footers and page numbers may stand side by side."""
_LONG_LINE = 40
"""Characters: prose in one column has 45 to 90 a line, tables, forms and lists fewer."""
_GAP = 2.0
"""Line heights between two pieces of text at the same height: more is a column, a cell or a tab, not a wide space."""
_MONOSPACED = 8
"""Bit of a span's flags."""
_MAX_MONOSPACED = 0.05
"""Share of the characters; more is code, whose lines must not be joined."""
_SMALL = 0.9
"""Times the size of most of the text: smaller lines below the last line of that size are footnotes."""
_MARKER = re.compile(
    r"^\s*(?:[\u2022\u25aa\u25e6\u00b7\uf000-\uf0ff\u25cf\u25a0\u25ba\u2023\u2043\u2713\u2714\u2794\u27a2*\u2013\u2014-]"
    r"|\(?(?:\d{1,2}|[a-z])[.)]|\[\d+\])(?:\s|$)"
)
_LEADERS = (".....", ". . . . . ", "\u2026\u2026\u2026")
_CAPTION = re.compile(r"^\s*(?:fig(?:ure|\.)|table|tab\.|abbildung|tabelle|tableau|figura)\s*\d", re.IGNORECASE)
_THIN = 3.0
"""Points: what is flatter is a rule or an underline."""
_BACKGROUND = 0.9
"""Share of the page: a shape or picture that covers more lies behind all of it."""


class _Line(NamedTuple):
    """A tuple, since a page has a hundred of them, and a frozen dataclass takes four times as long to make."""

    box: Rectangle
    text: str
    size: float

    @property
    def height(self) -> float:
        return self.box[3] - self.box[1]


def obstacle(page_text: PageText, width: float, height: float, long_lines: float) -> str:
    """What on the page the plain text reader would not do justice to; empty where nothing is.

    `long_lines` is the share of the characters that must stand in long lines. Measured on 122 pages of real documents
    against the layout reader: see `docs/formats.md`.
    """
    lines: list[_Line] = []
    monospaced = characters = 0
    for block, texts in zip(page_text.blocks, page_text.texts, strict=True):
        for line, text in zip(block["lines"], texts, strict=True):
            spans = line["spans"]
            if not text or text.isspace():
                continue
            across, down = line["dir"]
            if abs(down) > 0.01 or across < 0 or line["wmode"]:
                return "slanted or vertical text"
            longest = spans[0] if len(spans) == 1 else max(spans, key=lambda span: len(span["text"]))
            lines.append(_Line(line["bbox"], text, longest["size"]))
            characters += len(text)
            for span in spans:
                if span["flags"] & _MONOSPACED:
                    monospaced += len(span["text"])
    if monospaced > _MAX_MONOSPACED * characters:
        return "monospaced text"
    if is_arabic("".join(line.text for line in lines)):
        return "text from right to left"
    body = [line for line in lines if line.box[3] > height * _EDGE and line.box[1] < height * (1 - _EDGE)]
    return _obstacle_in(body, width, long_lines)


def _obstacle_in(body: Sequence[_Line], width: float, long_lines: float) -> str:
    lengths = [len(line.text) for line in body]
    if sum([length for length in lengths if length >= _LONG_LINE]) < long_lines * sum(lengths):
        return "many short lines"
    if any(line.box[2] > width or line.box[0] < 0 for line in body):
        return "text beyond the edge"
    if sum(bool(_MARKER.match(line.text)) for line in body) > 1:
        return "a list"
    text = "\n".join([line.text for line in body])
    if any(leader in text for leader in _LEADERS):
        return "a table of contents"
    if any(_CAPTION.match(line.text) for line in body):
        return "a caption"
    if _side_by_side(body):
        return "text side by side"
    if any(after.box[1] < before.box[1] - before.height / 2 for before, after in pairwise(body)):
        return "text out of order"
    if _footnotes(body):
        return "footnotes"
    return ""


def _side_by_side(body: Sequence[_Line]) -> bool:
    """Whether two lines stand at the same height with more than a wide space between them."""
    by_top = sorted([line.box for line in body], key=itemgetter(1))
    for index, one in enumerate(by_top):
        for number in range(index + 1, len(by_top)):
            other = by_top[number]
            if other[1] >= one[3]:
                break
            overlap = min(one[3], other[3]) - other[1]
            lower = min(one[3] - one[1], other[3] - other[1])
            gap = max(other[0] - one[2], one[0] - other[2])
            if overlap > lower / 2 and gap > _GAP * lower:
                return True
    return False


def _footnotes(body: Sequence[_Line]) -> bool:
    weight: dict[float, int] = {}
    for line in body:
        weight[round(line.size, 1)] = weight.get(round(line.size, 1), 0) + len(line.text)
    usual = max(weight, key=lambda size: weight[size], default=0.0)
    last = max((line.box[3] for line in body if line.size >= usual * _SMALL), default=0.0)
    return any(line.box[1] > last and len(line.text) > 3 for line in body)


def drawn_obstacle(log: Sequence[tuple[str, Rectangle]], area: float, image_share: float, shapes: int) -> str:
    """The same for what is drawn on the page; `log` is that of `drawn`.

    Pictures on more than `image_share` of the page, or more shapes than `shapes` that are neither rules nor
    backgrounds, may be figures, forms or tables.
    """
    count = 0
    for kind, box in log:
        wide, high = box[2] - box[0], box[3] - box[1]
        share = wide * high / area
        if share > _BACKGROUND:
            continue
        if "image" in kind or "imgmask" in kind:
            if share > image_share:
                return "a picture"
        elif kind != "ignore-text" and wide > _THIN and high > _THIN:
            count += 1
            if count > shapes:
                return "drawings"
    return ""
