"""Regions of a page, by the layout model that comes with PyMuPDF."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from docpipe.parse.element import Element, Rectangle, clean, join_lines, union
from docpipe.parse.words import Word

_BULLET = re.compile(r"^[\u2022\u25aa\u25e6\u2013\u2014*\u00b7\uf0b7\u25cf\u25a0\u25ba\u2023-]\s+")
_LABELS = {
    "text": "text",
    "title": "title",
    "picture": "picture",
    "table": "table",
    "list-item": "list_item",
    "page-header": "page_header",
    "page-footer": "page_footer",
    "section-header": "section_header",
    "footnote": "footnote",
    "caption": "caption",
    "formula": "formula",
}


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle of a page with one kind of content."""

    label: str
    box: Rectangle
    rows: tuple[float, ...] = ()
    """Borders between the rows of a table, outer borders included; points from the top of the page."""
    columns: tuple[float, ...] = ()

    @property
    def area(self) -> float:
        return (self.box[2] - self.box[0]) * (self.box[3] - self.box[1])

    def holds(self, x: float, y: float, margin: float = 1.0) -> bool:
        left, top, right, bottom = self.box
        return left - margin <= x <= right + margin and top - margin <= y <= bottom + margin


@cache
def _model() -> Any:
    from pymupdf.layout.DocumentLayoutAnalyzer import get_model

    # `rf` alone is 2.5 times as fast as with image features, and as good (6 PDFs: similarity within .001).
    return get_model(feature_set_name="rf", n_workers=1)


def regions(page: Any) -> list[Region]:
    """Regions of an unrotated PDF page, in no particular order."""
    found: list[Region] = []
    for group in _model().predict(page, return_raw=True):
        left, top, right, bottom = (float(value) for value in group["group_bbox"])
        if right - left <= 2 or bottom - top <= 2:
            continue
        label, grid = _LABELS[group["class_name"]], group.get("table_grid")
        if label == "table" and grid is not None:
            rows = (top, *(top + float(line) for line in grid.h_lines), bottom)
            columns = (left, *(left + float(line) for line in grid.v_lines), right)
            found.append(Region(label, (left, top, right, bottom), rows, columns))
        else:
            found.append(Region("text" if label == "table" else label, (left, top, right, bottom)))
    return _without_parts_of_tables(found)


def _without_parts_of_tables(found: list[Region]) -> list[Region]:
    tables = [one for one in found if one.rows]
    return [
        one for one in found if one.rows or one.label == "caption" or not any(_overlap(one, table) > 0.8 * one.area for table in tables)
    ]


def _overlap(one: Region, other: Region) -> float:
    width = min(one.box[2], other.box[2]) - max(one.box[0], other.box[0])
    height = min(one.box[3], other.box[3]) - max(one.box[1], other.box[1])
    return max(0.0, width) * max(0.0, height)


def elements(found: Sequence[Region], words: Sequence[Word], width: float, height: float) -> tuple[Element, ...]:
    """Put every word into the smallest region that holds its centre, and the regions into reading order.

    No word is lost: what lies outside every region becomes text of its own, one element a block.
    """
    by_size = sorted(range(len(found)), key=lambda index: found[index].area)
    inside: list[list[Word]] = [[] for _ in found]
    orphans: dict[int, list[Word]] = {}
    for word in words:
        x, y = (word.box[0] + word.box[2]) / 2, (word.box[1] + word.box[3]) / 2
        index = next((index for index in by_size if found[index].holds(x, y)), None)
        (orphans.setdefault(word.block, []) if index is None else inside[index]).append(word)
    made = [_element(region, held) for region, held in zip(found, inside, strict=True)]
    made += [_element(Region("text", union([word.box for word in block])), block) for block in orphans.values()]
    kept = [one for group in made for one in group]
    return _in_order(kept, width, height)


def _element(region: Region, words: Sequence[Word]) -> list[Element]:
    if region.label == "table" and (rows := _cells(region, words)):
        return [Element("table", "", region.box, rows=rows)]
    text = clean(join_lines(_lines(words)))
    size = max((word.size for word in words), default=0.0)
    bold = bool(words) and all(word.bold for word in words)
    if region.label == "picture":
        # Text in the picture becomes a body element: chunkers and Markdown skip the children of pictures.
        inside = [Element("text", text, region.box, size)] if text else []
        return [Element("picture", "", region.box), *inside]
    if not text:
        return []
    label = "text" if region.label == "table" else region.label
    return [Element(label, _BULLET.sub("", text) if label == "list_item" else text, region.box, size, bold)]


def _lines(words: Sequence[Word]) -> list[str]:
    lines: dict[tuple[int, int], list[str]] = {}
    for word in words:
        lines.setdefault((word.block, word.line), []).append(word.text)
    return [" ".join(line) for line in lines.values()]


def _cells(region: Region, words: Sequence[Word]) -> tuple[tuple[str, ...], ...]:
    """Rows of cells; empty where the words fill fewer than two cells, which is no table."""
    grid: dict[tuple[int, int], list[Word]] = {}
    for word in words:
        row = _interval(region.rows, (word.box[1] + word.box[3]) / 2)
        column = _interval(region.columns, (word.box[0] + word.box[2]) / 2)
        grid.setdefault((row, column), []).append(word)
    if len(grid) < 2:
        return ()
    used = sorted({row for row, _ in grid})
    columns = sorted({column for _, column in grid})
    return tuple(tuple(clean(join_lines(_lines(grid.get((row, column), [])))) for column in columns) for row in used)


def _interval(borders: Sequence[float], value: float) -> int:
    return max(0, min(len(borders) - 2, sum(border <= value for border in borders) - 1))


def _in_order(made: list[Element], width: float, height: float) -> tuple[Element, ...]:
    if len(made) < 2:
        return tuple(made)
    from docling.models.postprocessing.reading_order_rb import PageElement, ReadingOrderPredictor
    from docling_core.types.doc.base import BoundingBox, CoordOrigin, Size
    from docling_core.types.doc.labels import DocItemLabel

    size = Size(width=width, height=height)
    placed = []
    for index, one in enumerate(made):
        left, top, right, bottom = one.box
        box = BoundingBox(l=left, t=top, r=right, b=bottom, coord_origin=CoordOrigin.TOPLEFT).to_bottom_left_origin(height)
        placed.append(PageElement(cid=index, page_no=1, page_size=size, label=DocItemLabel(one.label), text=one.text, **box.model_dump()))
    predictor: Any = ReadingOrderPredictor()  # type: ignore[no-untyped-call]
    order = [one.cid for one in predictor.predict_reading_order(placed)]
    place = {index: position for position, index in enumerate(order)}
    owners = {caption: owner for owner, captions in predictor.predict_to_captions(placed).items() for caption in captions}
    return tuple(_owned(made[index], place.get(owners.get(index, -1), -1)) for index in order)


def _owned(element: Element, owner: int) -> Element:
    if owner < 0 or element.label != "caption":
        return element
    return Element(element.label, element.text, element.box, element.size, element.bold, element.rows, owner)
