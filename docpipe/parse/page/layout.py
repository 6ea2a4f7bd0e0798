"""Regions of a page, by the layout model that comes with PyMuPDF."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import pairwise
from typing import Any

from docpipe.parse.page.element import Element, Rectangle, clean, join_lines, union
from docpipe.parse.page.grid import cells
from docpipe.parse.page.listing import listing
from docpipe.parse.page.markers import BULLET, MARKER
from docpipe.parse.page.rulings import Rulings, rulings
from docpipe.parse.page.words import Word, line_text

_MAY_BE_LISTS = frozenset({"text", "list_item"})
_CERTAIN = frozenset("\u2022\u25cf\u25aa\u25a0")
"""Bullets that begin nothing but an item of a list."""
_WIDE = 0.8
"""Share of the width of a table that a grid must have to be a table in its own right."""
_EDGE = 5.0
"""Points by which the edges of two tables differ at least, and a border stands inside of the edge."""
_MAY_BE_CODE = frozenset({"text", "list_item", "formula"})
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
    drawn: Rulings = field(default_factory=Rulings)
    """Lines in and around a table."""

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
    if any(one.rows for one in found):
        drawn = rulings(page)
        found = [part for one in found for part in (tables(replace(one, drawn=drawn.inside(one.box))) if one.rows else [one])]
    return _without_parts_of_tables(found)


def tables(table: Region) -> list[Region]:
    """The table, or those that are drawn one below another where the model sees one; what stands between them is text.

    Tables with the same edges are taken for the parts of one.
    """
    left, _, right, _ = table.box
    wide = [grid for grid in table.drawn.grids() if min(right, grid[2]) - max(left, grid[0]) > _WIDE * (right - left)]
    parts = [
        Region("table", grid, (grid[1], *rows, grid[3]), (grid[0], *columns, grid[2]), table.drawn.inside(grid))
        for grid in wide
        if (rows := [row for row in table.rows[1:-1] if grid[1] + _EDGE < row < grid[3] - _EDGE])
        and (columns := [column for column in table.columns[1:-1] if grid[0] + _EDGE < column < grid[2] - _EDGE])
    ]
    differ = any(abs(one.box[0] - other.box[0]) > _EDGE or abs(one.box[2] - other.box[2]) > _EDGE for one, other in pairwise(parts))
    return parts if differ and all(one.box[3] < other.box[1] for one, other in pairwise(parts)) else [table]


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
    table = cells(words, region.rows, region.columns, region.drawn) if region.label == "table" else None
    if table and _is_list(table.rows):
        region = Region("list_item", region.box)
    elif table:
        return [Element("table", "", region.box, bold=table.bold_header, rows=table.rows, spans=table.spans, header_rows=table.header_rows)]
    if region.label == "picture":
        # Text in the picture becomes a body element: chunkers and Markdown skip the children of pictures.
        return [Element("picture", "", region.box), *_text("text", region.box, words, may_be_code=False)]
    if region.label in _MAY_BE_LISTS:
        lines = _lines(words)
        starts = [number for number, line in enumerate(lines) if BULLET.match(line_text(line))]
        if region.label == "list_item" and not starts and MARKER.match(line_text(lines[0]) if lines else ""):
            starts = [number for number, line in enumerate(lines) if MARKER.match(line_text(line))]
        if starts and (region.label == "list_item" or len(starts) > 1 or (starts == [0] and line_text(lines[0])[0] in _CERTAIN)):
            return _list(region, lines, starts)
    if region.label == "table":
        # A form, or a page with a frame around it: its blocks are what belongs together.
        blocks = _blocks(words)
        return [
            one for block in blocks for one in _text("text", union([word.box for word in block]) if len(blocks) > 1 else region.box, block)
        ]
    return _text(region.label, region.box, words)


def _blocks(words: Sequence[Word]) -> list[list[Word]]:
    blocks: dict[int, list[Word]] = {}
    for word in words:
        blocks.setdefault(word.block, []).append(word)
    return list(blocks.values())


def _list(region: Region, lines: Sequence[Sequence[Word]], starts: Sequence[int]) -> list[Element]:
    """One element for each item; what stands above the first marker belongs to the item before, or is text."""
    made: list[Element] = []
    for start, end in pairwise(sorted({0, *starts, len(lines)})):
        held = [word for line in lines[start:end] for word in line]
        label = "list_item" if start in starts else region.label
        made += _text(label, region.box if len(starts) == 1 and start in starts else union([word.box for word in held]), held)
    return made


def _text(label: str, box: Rectangle, words: Sequence[Word], *, may_be_code: bool = True) -> list[Element]:
    letters = sum(len(word.text) for word in words)
    size = max((word.size for word in words), default=0.0)
    bold = bool(words) and all(word.bold for word in words)
    if may_be_code and label in _MAY_BE_CODE and sum(len(word.text) for word in words if word.monospaced) > 0.8 * letters:
        text = listing([(word.text, word.box) for word in words])
        return [Element("code", text, box, size, bold)] if text else []
    text = clean(join_lines([line_text(line) for line in _lines(words)]))
    text = BULLET.sub("", text) if label == "list_item" else text
    return [Element(label, text, box, size, bold)] if text else []


def _is_list(rows: Sequence[Sequence[str]]) -> bool:
    """Whether a column of bullets, or bulleted lines one below another, were taken for a table."""
    bulleted = sum(bool(BULLET.match(f"{row[0]} x" if len(row[0]) == 1 else row[0])) for row in rows)
    return len(rows[0]) <= 2 and bulleted > len(rows) / 3 and (len(rows[0]) == 1 or all(len(row[0]) < 2 for row in rows))


def _lines(words: Sequence[Word]) -> list[list[Word]]:
    """The words line by line; a bullet that is written as a line of its own comes before the line beside it."""
    lines: dict[tuple[int, int], list[Word]] = {}
    for word in words:
        lines.setdefault((word.block, word.line), []).append(word)
    bullets = [place for place, line in lines.items() if len(line) == 1 and len(line[0].text) == 1 and BULLET.match(f"{line[0].text} x")]
    for place in bullets:
        left, top, right, bottom = lines[place][0].box
        beside = [
            line
            for other, line in lines.items()
            if other not in bullets and line[0].box[0] >= right - 1 and line[0].box[1] < (top + bottom) / 2 < line[0].box[3]
        ]
        if beside:
            min(beside, key=lambda line: line[0].box[0] - left).insert(0, lines.pop(place)[0])
    return list(lines.values())


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
    ordered = predictor.predict_reading_order(placed)
    order = [one.cid for one in ordered]
    place = {index: position for position, index in enumerate(order)}
    owners = {caption: owner for owner, captions in predictor.predict_to_captions(ordered).items() for caption in captions}
    return tuple(_owned(made[index], place.get(owners.get(index, -1), -1)) for index in order)


def _owned(element: Element, owner: int) -> Element:
    if owner < 0 or element.label != "caption":
        return element
    return replace(element, caption_of=owner)
