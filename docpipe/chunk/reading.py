"""Reads a parsed document into headings, passages and tables, in reading order."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence

from docling_core.types.doc.base import CoordOrigin
from docling_core.types.doc.common.content_layer import ContentLayer
from docling_core.types.doc.common.meta import FloatingMeta
from docling_core.types.doc.common.reference import ProvenanceItem, RefItem
from docling_core.types.doc.items.code import CodeItem
from docling_core.types.doc.items.group import GroupItem, InlineGroup
from docling_core.types.doc.items.key_value import FormItem, KeyValueItem
from docling_core.types.doc.items.node import DocItem, FloatingItem, NodeItem
from docling_core.types.doc.items.table.table import TableItem
from docling_core.types.doc.items.table.table_data import RichTableCell, TableCell
from docling_core.types.doc.items.text import ListItem, SectionHeaderItem, TextItem, TitleItem
from docling_core.types.doc.labels import DocItemLabel, GroupLabel

from docpipe.chunk.passages import Content, Division, Grid, Heading, Passage, Place
from docpipe.chunk.table import table_rows
from docpipe.errors import ArtifactDamaged
from docpipe.models import Box, Page, ParsedDocument

_LAYERS = frozenset({ContentLayer.BODY, ContentLayer.NOTES})
"""Speaker notes and comments are content; running headers, watermarks and hidden text are not."""

_SHEET = "sheet: "

_CHECKBOXES = {DocItemLabel.CHECKBOX_SELECTED: "[x] ", DocItemLabel.CHECKBOX_UNSELECTED: "[ ] "}

_DELETED = re.compile(r"[\x00-\x08\x0e-\x1b\x7f]")
_BLANKS = re.compile(r"[^\S\n]{2,}|[^\S\n ]")
_LINE_ENDS = re.compile(r"(?: ?\n ?)+")
_NO_BLANK_BEFORE = tuple(".,;:!?)]}%”’»。，、；：！？）")
_NO_BLANK_AFTER = tuple("([{“‘«（")


class DocumentReader:
    """Reads one document once; every node counts the first time it is met, so that a cycle of references ends."""

    def __init__(self, parsed: ParsedDocument) -> None:
        self._document = parsed.document
        self._sizes = {page.number: page for page in parsed.pages}
        self._seen: set[str] = set()
        self._owned: set[str] = set()

    def contents(self) -> Iterator[Content]:
        """Yield the content; raises `ArtifactDamaged` for a reference that leads nowhere."""
        self._owned = self._owned_by_floats()
        stack: list[NodeItem] = [self._document.body]
        while stack:
            node = stack.pop()
            if node.self_ref in self._seen or node.self_ref in self._owned:
                continue
            children = self._children(node)
            if isinstance(node, InlineGroup):
                yield from self._passage(self._gather([node]), self._places_of(children))
                continue
            self._seen.add(node.self_ref)
            if node.content_layer in _LAYERS:
                if isinstance(node, TableItem) and not _is_layout(node):
                    grid = self._grid(node)
                    if grid is not None:
                        yield grid
                elif isinstance(node, DocItem):
                    yield from self._item(node, children)
                elif isinstance(node, GroupItem):
                    yield from _divisions(node)
            stack += reversed(children)

    def _owned_by_floats(self) -> set[str]:
        """References to the captions and notes that a table or picture of the content will bring along."""
        owned: set[str] = set()
        met: set[str] = set()
        stack: list[NodeItem] = [self._document.body]
        while stack:
            node = stack.pop()
            if node.self_ref in met:
                continue
            met.add(node.self_ref)
            if isinstance(node, FloatingItem) and node.content_layer in _LAYERS:
                owned |= {ref.cref for ref in (*node.captions, *node.footnotes)}
            stack += self._children(node)
        return owned

    def _children(self, node: NodeItem) -> list[NodeItem]:
        return [self._resolve(ref) for ref in node.children]

    def _resolve(self, ref: RefItem) -> NodeItem:
        try:
            node = ref.resolve(self._document)
        except (AttributeError, IndexError, RuntimeError, ValueError) as error:
            raise ArtifactDamaged(f"the parsed document refers to {ref.cref}, which is not there: parse it again") from error
        if not isinstance(node, NodeItem):
            raise ArtifactDamaged(f"the parsed document refers to {ref.cref}, which is no content: parse it again")
        return node

    def _item(self, item: DocItem, children: Sequence[NodeItem]) -> Iterator[Content]:
        if isinstance(item, TextItem):
            own = item.text or item.orig
            # Formatted text is an item without text of its own above a group of runs.
            inline = [child for child in children if isinstance(child, InlineGroup)] if not own else []
            text = own or self._gather(inline)
            places = (*self._places(item), *(place for group in inline for place in self._places_of(self._children(group))))
            if isinstance(item, TitleItem | SectionHeaderItem):
                heading = " ".join(_clean(text).split())
                if heading:
                    yield Heading(0 if isinstance(item, TitleItem) else item.level, heading, places)
            else:
                yield from self._passage(_marked(item, text), places, verbatim=isinstance(item, CodeItem))
        elif isinstance(item, KeyValueItem | FormItem):
            lines = "\n".join(cell.text for cell in item.graph.cells if cell.item_ref is None)
            yield from self._passage(lines, self._places(item))
        if isinstance(item, FloatingItem):
            yield from self._attached((*item.captions, *item.footnotes), self._places(item))
            if isinstance(item.meta, FloatingMeta) and item.meta.description:
                yield from self._passage(item.meta.description.text, self._places(item))

    def _attached(self, refs: Sequence[RefItem], places: tuple[Place, ...]) -> Iterator[Passage]:
        """Captions and notes, each placed where it stands and where its owner stands."""
        for ref in refs:
            node = self._resolve(ref)
            own = self._places(node) if isinstance(node, DocItem) else ()
            yield from self._passage(self._gather([node]), (*own, *places))

    def _passage(self, text: str, places: tuple[Place, ...], *, verbatim: bool = False) -> Iterator[Passage]:
        cleaned = _clean(text, verbatim=verbatim)
        if cleaned:
            yield Passage(cleaned, places, verbatim)

    def _grid(self, table: TableItem) -> Grid | None:
        places = self._places(table)
        header, rows = table_rows(table.data.table_cells, self._cell_text)
        captions = tuple(self._attached(table.captions, ()))
        notes = tuple(self._attached(table.footnotes, ()))
        places = (*(place for caption in captions for place in caption.places), *places)
        return Grid(captions, header, rows, notes, places) if captions or header or rows or notes else None

    def _cell_text(self, cell: TableCell) -> str:
        if isinstance(cell, RichTableCell):
            # The cell's own text runs the words of its blocks together.
            return _clean(self._gather([self._resolve(cell.ref)])) or _clean(cell.text)
        return _clean(cell.text)

    def _gather(self, roots: Sequence[NodeItem]) -> str:
        """The text of whole branches on one line; what was gathered is not met again."""
        text: list[str] = []
        stack = list(reversed(roots))
        while stack:
            node = stack.pop()
            if node.self_ref in self._seen:
                continue
            self._seen.add(node.self_ref)
            if node.content_layer in _LAYERS:
                parts: list[str] = []
                if isinstance(node, TextItem):
                    parts = [_marked(node, node.text or node.orig)]
                elif isinstance(node, TableItem):
                    parts = [cell.text for cell in node.data.table_cells if not isinstance(cell, RichTableCell)]
                for part in filter(None, (part.strip() for part in parts)):
                    joined = not text or part.startswith(_NO_BLANK_BEFORE) or text[-1].endswith(_NO_BLANK_AFTER)
                    text.append(part if joined else f" {part}")
            stack += reversed(self._children(node))
        return "".join(text)

    def _places_of(self, nodes: Sequence[NodeItem]) -> tuple[Place, ...]:
        return tuple(place for node in nodes if isinstance(node, DocItem) for place in self._places(node))

    def _places(self, item: DocItem) -> tuple[Place, ...]:
        places = (self._place(one) for one in item.prov)
        return tuple(place for place in places if place is not None)

    def _place(self, provenance: ProvenanceItem) -> Place | None:
        number = provenance.page_no
        page, drawn = self._sizes.get(number), self._document.pages.get(number)
        box = _box(provenance, page, drawn.size.width, drawn.size.height) if page and drawn else None
        start, end = provenance.charspan
        return Place(number, box, start, end)


def _box(provenance: ProvenanceItem, page: Page, width: float, height: float) -> Box | None:
    """The box in points; docling keeps slides in another unit, in which `width` and `height` are given too."""
    if not (page.width > 0 and page.height > 0 and width > 0 and height > 0):
        return None
    across, down = page.width / width, page.height / height
    box = provenance.bbox
    top, bottom = (height - box.t, height - box.b) if box.coord_origin is CoordOrigin.BOTTOMLEFT else (box.t, box.b)
    edges = (box.l * across, min(top, bottom) * down, box.r * across, max(top, bottom) * down)
    if not all(math.isfinite(edge) for edge in edges):
        return None
    left, up, right, low = (round(edge, 1) for edge in edges)
    return Box(page=provenance.page_no, left=left, top=up, right=right, bottom=low)


def _divisions(group: GroupItem) -> Iterator[Division]:
    """A slide or a sheet, as docling's readers name them; the name of a slide is only its number."""
    if group.label is GroupLabel.SHEET or group.name.startswith(_SHEET):
        yield Division(" ".join(_clean(group.name.removeprefix(_SHEET)).split()))
    elif group.label in {GroupLabel.SLIDE, GroupLabel.CHAPTER}:
        yield Division()


def _is_layout(table: TableItem) -> bool:
    """One column of cells that hold blocks: a frame around content, as web pages and mails have, and no table."""
    cells = [cell for cell in table.data.table_cells if cell.text.strip() or isinstance(cell, RichTableCell)]
    return len({cell.start_col_offset_idx for cell in cells}) == 1 and all(isinstance(cell, RichTableCell) for cell in cells)


def _marked(item: TextItem, text: str) -> str:
    if not text.strip():
        return ""
    if isinstance(item, ListItem):
        return text if not item.marker or text.startswith(item.marker) else f"{item.marker} {text}"
    return f"{_CHECKBOXES.get(item.label, '')}{text}"


def _clean(text: str, *, verbatim: bool = False) -> str:
    text = _DELETED.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    if verbatim:
        return text.rstrip().lstrip("\n")
    return _LINE_ENDS.sub("\n", _BLANKS.sub(" ", text)).strip()
