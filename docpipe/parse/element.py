"""What the page readers find on a page, before it becomes a docling document."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace

Rectangle = tuple[float, float, float, float]
"""Left, top, right, bottom in points, from the top left corner of the page as it is shown."""

# Control characters, surrogates and non-characters: no font shows them, and JSON or SQL stumbles over some.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class Element:
    """One item on a page, in reading order."""

    label: str
    """A value of docling's `DocItemLabel`; `block` for text whose kind the assembly finds out from its font."""
    text: str
    box: Rectangle
    size: float = 0.0
    """Font size in points; 0 where unknown."""
    bold: bool = False
    rows: tuple[tuple[str, ...], ...] = ()
    """Cells of a table."""
    caption_of: int = -1
    """Index of the table or picture on this page that a caption belongs to."""


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
    error: str = ""
    warnings: tuple[str, ...] = field(default=())

    @property
    def characters(self) -> int:
        return sum(len(element.text) + sum(map(len, (cell for row in element.rows for cell in row))) for element in self.elements)

    def to_line(self) -> bytes:
        """One line of JSON, without a line break."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_line(cls, line: bytes) -> PageContent:
        """The inverse of `to_line`."""
        fields = json.loads(line)
        fields["elements"] = tuple(_element(one) for one in fields["elements"])
        fields["warnings"] = tuple(fields["warnings"])
        return cls(**fields)

    def without(self, error: str) -> PageContent:
        """The page when its content was lost."""
        return replace(self, elements=(), error=error)


def _element(fields: dict[str, object]) -> Element:
    rows, box = fields.pop("rows"), fields.pop("box")
    assert isinstance(rows, list)
    assert isinstance(box, list)
    return Element(box=(box[0], box[1], box[2], box[3]), rows=tuple(map(tuple, rows)), **fields)  # type: ignore[arg-type]


def clean(text: str) -> str:
    """The text without characters that cannot be shown."""
    return _UNPRINTABLE.sub("", text) if _UNPRINTABLE.search(text) else text


def join_lines(lines: Sequence[str]) -> str:
    """One paragraph from its lines; a word divided at the end of a line is made whole."""
    parts: list[str] = []
    for line in filter(None, (one.strip() for one in lines)):
        if parts and _divided(parts[-1], line):
            parts[-1] = parts[-1][:-1]
        elif parts:
            parts.append(" ")
        parts.append(line)
    return "".join(parts)


def _divided(before: str, after: str) -> bool:
    return len(before) > 1 and before[-1] in "-\u00ad\u2010" and before[-2].isalpha() and after[0].islower()


def union(boxes: Sequence[Rectangle]) -> Rectangle:
    """The smallest rectangle around all of them."""
    return (min(b[0] for b in boxes), min(b[1] for b in boxes), max(b[2] for b in boxes), max(b[3] for b in boxes))
