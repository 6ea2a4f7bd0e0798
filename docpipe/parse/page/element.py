"""What the page readers find on a page, before it becomes a docling document."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from docpipe.parse.page.letters import is_spaceless, repaired

Rectangle = tuple[float, float, float, float]
"""Left, top, right, bottom in points, from the top left corner of the page as it is shown."""

# Control characters, surrogates and non-characters: no font shows them, and JSON or SQL stumbles over some.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")

_HYPHENS = "-\u2010\u00ad"


@dataclass(frozen=True, slots=True)
class Element:
    """One item on a page, in reading order."""

    label: str
    """A value of docling's `DocItemLabel`; `block` for text whose kind the assembly finds out from its font, `field` for a
    form's field with its value, `note` for what a reader wrote on the page."""
    text: str
    box: Rectangle
    size: float = 0.0
    """Font size in points; 0 where unknown."""
    bold: bool = False
    """Of a table: its header rows are, and the others are not."""
    rows: tuple[tuple[str, ...], ...] = ()
    """Cells of a table; what a merged cell covers, apart from its first position, is empty."""
    spans: tuple[tuple[int, int, int, int], ...] = ()
    """Merged cells of a table: row and column from 0, and how many rows and columns it takes."""
    header_rows: int = 1
    """Rows of a table that name its columns."""
    level: int = 0
    """Depth of a list item by its indent, from 0; of a heading the level that the file's bookmarks give it, 0 where they do not."""
    caption_of: int = -1
    """Index of the table or picture on this page that a caption belongs to."""


@dataclass(frozen=True, slots=True)
class Bookmark:
    """One entry of the table of contents that a PDF carries for its readers."""

    level: int
    """From 1."""
    title: str
    page: int
    """From 1."""


@dataclass(frozen=True, slots=True)
class PageContent:
    """One page as a reader found it."""

    number: int
    """From 1."""
    width: float
    height: float
    route: str
    reason: str = ""
    elements: tuple[Element, ...] = ()
    seconds: float = 0.0
    confidence: float | None = None
    """Of OCR; see `Page`."""
    unread: str = ""
    error: str = ""
    warnings: tuple[str, ...] = field(default=())
    bookmarks: tuple[Bookmark, ...] = ()
    """Those of the whole file, with its first page."""

    @property
    def characters(self) -> int:
        return sum(len(element.text) + sum(map(len, (cell for row in element.rows for cell in row))) for element in self.elements)

    def to_line(self) -> bytes:
        """One line of JSON, without a line break.

        Boxes are written to a hundredth of a point, without what lies beyond the edges of the page.
        """
        fields = _fields(self)
        fields["elements"] = [_element_fields(one, _on_page(one.box, self.width, self.height)) for one in self.elements]
        fields["bookmarks"] = [_fields(one) for one in self.bookmarks]
        return json.dumps(fields).encode()

    @classmethod
    def from_line(cls, line: bytes) -> PageContent:
        """The inverse of `to_line`."""
        fields = json.loads(line)
        fields["elements"] = tuple(_element(one) for one in fields["elements"])
        fields["warnings"] = tuple(fields["warnings"])
        fields["bookmarks"] = tuple(Bookmark(**one) for one in fields["bookmarks"])
        return cls(**fields)

    def without(self, error: str) -> PageContent:
        """The page when its content was lost."""
        return replace(self, elements=(), error=error)


def _fields(value: Any) -> dict[str, Any]:
    """The fields of a slotted dataclass as they are: `asdict` copies everything in them, at ten times the cost."""
    return {name: getattr(value, name) for name in value.__slots__}


def _on_page(box: Rectangle, width: float, height: float) -> Rectangle:
    left, top, right, bottom = box
    if left < 0 or top < 0 or right > width or bottom > height:
        left, right = min(max(left, 0.0), width), min(max(right, 0.0), width)
        top, bottom = min(max(top, 0.0), height), min(max(bottom, 0.0), height)
    return round(left, 2), round(top, 2), round(right, 2), round(bottom, 2)


def _element_fields(element: Element, box: Rectangle) -> dict[str, Any]:
    """Most elements have no more than the first five: the others cost as much to write and to read again."""
    found: dict[str, Any] = {"label": element.label, "text": element.text, "box": box, "size": element.size, "bold": element.bold}
    if element.rows or element.spans or element.header_rows != 1:
        found |= {"rows": element.rows, "spans": element.spans, "header_rows": element.header_rows}
    if element.level:
        found["level"] = element.level
    if element.caption_of >= 0:
        found["caption_of"] = element.caption_of
    return found


def _element(fields: dict[str, Any]) -> Element:
    fields["box"] = tuple(fields["box"])
    if "rows" in fields:
        fields |= {"rows": tuple(map(tuple, fields["rows"])), "spans": tuple(map(tuple, fields["spans"]))}
    return Element(**fields)


def clean(text: str) -> str:
    """The text without characters that cannot be shown."""
    return text if text.isprintable() else _UNPRINTABLE.sub("", text)


def join_lines(lines: Sequence[str]) -> str:
    """One paragraph from its lines; a word divided at the end of a line is made whole, and so are letters that are drawn as one."""
    parts: list[str] = []
    for one in lines:
        line = repaired(one.strip())
        if not line:
            continue
        if parts:
            before = parts[-1]
            if before[-1] in _HYPHENS and is_divided(before, line):
                parts[-1] = before[:-1]
            elif not (is_spaceless(before[-1]) and is_spaceless(line[0])) and not (before[-1] in _HYPHENS and _is_compound(before, line)):
                parts.append(" ")
        parts.append(line)
    return "".join(parts)


def is_divided(before: str, after: str) -> bool:
    """Whether a word is divided between two lines; not so after a single letter: `d-dimensional`, `e-mail`."""
    return before[-1] == "\u00ad" or (before[-1:] in "-\u2010" and before[-3:-1].isalpha() and len(before) > 2 and after[0].islower())


def _is_compound(before: str, after: str) -> bool:
    return before[-1] in "-\u2010" and before[-2:-1].isalpha() and after[0].islower()


def union(boxes: Sequence[Rectangle]) -> Rectangle:
    """The smallest rectangle around all of them."""
    if len(boxes) == 1:
        return boxes[0]
    left, top, right, bottom = zip(*boxes, strict=True)
    return (min(left), min(top), max(right), max(bottom))
