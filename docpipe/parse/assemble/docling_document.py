"""The items of a document as docling's model of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from docpipe.parse.assemble.continuation import Item
from docpipe.parse.assemble.furniture import FURNITURE
from docpipe.parse.assemble.table import table_data
from docpipe.parse.origin import origin
from docpipe.parse.page.element import PageContent
from docpipe.parse.page.markers import MARKER

if TYPE_CHECKING:
    from docling_core.types.doc.common.reference import ProvenanceItem
    from docling_core.types.doc.document import DoclingDocument
    from docling_core.types.doc.items.group import ListGroup
    from docling_core.types.doc.items.node import DocItem, FloatingItem
    from docling_core.types.doc.items.text import ListItem, TextItem

_INDENT = 6.0
"""Points that a list inside another stands to the right of it, at least."""


class DocumentBuilder:
    """Puts items into a `DoclingDocument`, one after another."""

    def __init__(self, pages: Sequence[PageContent], name: str, media_type: str, path: Path) -> None:
        from docling_core.types.doc.base import Size
        from docling_core.types.doc.document import DoclingDocument

        self.document: DoclingDocument = DoclingDocument(name=name, origin=origin(name, media_type, path))
        self._heights = {page.number: page.height for page in pages}
        for page in pages:
            self.document.add_page(page_no=page.number, size=Size(width=page.width, height=page.height))
        self._titled = False
        self._lists: list[tuple[float, ListGroup, ListItem]] = []
        """The open lists, outermost first: left edge, group, and its last item."""
        self._list_page = 0
        self._hosts: dict[tuple[int, int], FloatingItem] = {}
        self._captions: list[tuple[tuple[int, int], TextItem]] = []

    def build(self, items: Sequence[Item]) -> DoclingDocument:
        """Add all the items, and bind the captions to what they are about."""
        for item in items:
            if item.element.label != "list_item" and item.element.label not in FURNITURE:
                self._lists = []
            made = self._add(item)
            made.prov += [self._provenance(item, number) for number in range(1, len(item.parts))]
        for owner, caption in self._captions:
            if (host := self._hosts.get(owner)) is not None:
                host.captions.append(caption.get_ref())
        return self.document

    def _add(self, item: Item) -> DocItem:
        element, document, place = item.element, self.document, self._provenance(item, 0)
        if element.label in ("table", "picture"):
            host: FloatingItem
            if element.label == "table":
                host = document.add_table(data=table_data(element.rows, element.spans, element.header_rows), prov=place)
            else:
                host = document.add_picture(prov=place)
            self._hosts |= {(part.page, index): host for part, index in zip(item.parts, item.indexes, strict=True)}
            return host
        made: TextItem
        if element.label == "title" and not self._titled:
            self._titled = True
            made = document.add_title(element.text, prov=place)
        elif element.label in ("title", "section_header"):
            made = document.add_heading(element.text, level=max(1, element.level), prov=place)
        elif element.label == "list_item":
            made = self._add_list_item(item, place)
        elif element.label == "code":
            made = document.add_code(element.text, prov=place)
        elif element.label == "formula":
            made = document.add_formula(element.text, prov=place)
        else:
            made = self._add_text(item, place)
        return made

    def _add_text(self, item: Item, place: ProvenanceItem) -> TextItem:
        from docling_core.types.doc.common.content_layer import ContentLayer
        from docling_core.types.doc.labels import DocItemLabel

        element = item.element
        layer = ContentLayer.FURNITURE if element.label in FURNITURE else ContentLayer.NOTES if element.label == "note" else None
        label = DocItemLabel.TEXT if element.label in ("field", "note") else DocItemLabel(element.label)
        made: TextItem = self.document.add_text(label, element.text, prov=place, content_layer=layer)
        if element.caption_of >= 0:
            self._captions.append(((item.parts[0].page, element.caption_of), made))
        return made

    def _add_list_item(self, item: Item, place: ProvenanceItem) -> ListItem:
        left, page = item.parts[0].box[0], item.parts[0].page
        if page != self._list_page:
            # Where the list goes on, on another page, its left edge may be another.
            self._lists = [(left, group, last) for _, group, last in self._lists[:1]]
        self._list_page = page
        while len(self._lists) > 1 and left < self._lists[-1][0] - _INDENT / 2:
            self._lists.pop()
        if not self._lists:
            parent, edge = self.document.add_list_group(), left
        elif left > self._lists[-1][0] + _INDENT:
            parent, edge = self.document.add_list_group(parent=self._lists[-1][2]), left
        else:
            edge, parent, _ = self._lists.pop()
        text = item.element.text
        marker = MARKER.match(text)
        made: ListItem = self.document.add_list_item(
            text[marker.end() :] if marker else text,
            enumerated=bool(marker),
            marker=marker[1] if marker else None,
            parent=parent,
            prov=place,
        )
        self._lists.append((min(edge, left), parent, made))
        return made

    def _provenance(self, item: Item, number: int) -> ProvenanceItem:
        from docling_core.types.doc.base import BoundingBox, CoordOrigin
        from docling_core.types.doc.common.reference import ProvenanceItem

        part = item.parts[number]
        left, top, right, bottom = part.box
        box = BoundingBox(l=left, t=top, r=right, b=bottom, coord_origin=CoordOrigin.TOPLEFT)
        box = box.to_bottom_left_origin(self._heights[part.page])
        return ProvenanceItem(page_no=part.page, bbox=box, charspan=(part.start, part.end))
