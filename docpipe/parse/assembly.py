"""Join the pages that the readers found into one docling document."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from docpipe.errors import ParseFailed
from docpipe.isolate import Answer
from docpipe.models import Page, ParsedDocument
from docpipe.parse.element import Element, PageContent
from docpipe.parse.origin import origin
from docpipe.parse.table import table_data

if TYPE_CHECKING:
    from docling_core.types.doc.common.reference import ProvenanceItem
    from docling_core.types.doc.document import DoclingDocument
    from docling_core.types.doc.items.group import ListGroup
    from docling_core.types.doc.items.node import FloatingItem
    from docling_core.types.doc.items.text import TextItem

_NUMBER = re.compile(r"^(?:(?:chapter|section|part|kapitel|chapitre)\s+)?(\d{1,3}(?:\.\d{1,3})*)\.?\s+\S", re.IGNORECASE)
_MARKER = re.compile(r"^(\(?(?:\d{1,3}|[a-zA-Z]|[ivxIVX]{1,5})[.)])\s+")
_DIGITS = re.compile(r"\d+")
_MAX_HEADING = 200
_MAX_LEVEL = 6
_EDGE = 0.08
"""Share of the page's height, at the top and at the bottom, where repeated text is a header or footer."""
_FURNITURE = frozenset({"page_header", "page_footer"})


def assemble(path: str, name: str, media_type: str, lines: tuple[bytes, ...], warnings: tuple[str, ...], failed: dict[int, str]) -> Answer:
    """The bytes of a `ParsedDocument` from one line for each page, in order; the dict holds its counts.

    `failed` says which pages a better reader failed on, and how. Raises `ParseFailed` where every page was lost.
    """
    pages = [_with_failure(PageContent.from_line(line), failed) for line in lines]
    if pages and all(page.error and not page.elements for page in pages):
        raise ParseFailed(f"no page could be read; the first: {pages[0].error}")
    pages = _with_kinds(pages)
    document = _document(pages, name, media_type, Path(path))
    told = [*warnings, *(warning for page in pages for warning in page.warnings)]
    told += [f"page {page.number}: {page.error}" for page in pages if page.error]
    parsed = ParsedDocument(document, tuple(map(_page, pages)), tuple(told))
    return {"counts": parsed.counts}, parsed.to_bytes()


def _with_failure(page: PageContent, failed: dict[int, str]) -> PageContent:
    """A page that lost its content says so; one that was read after all by another reader warns."""
    if page.error or page.number not in failed:
        return page
    if not page.elements:
        return replace(page, error=failed[page.number])
    return replace(page, warnings=(*page.warnings, f"page {page.number}: {failed[page.number]}; read again"))


def _page(content: PageContent) -> Page:
    return Page(
        number=content.number,
        width=content.width,
        height=content.height,
        route=content.route,
        reason=content.reason,
        characters=content.characters,
        seconds=content.seconds,
        error=content.error,
    )


def _document(pages: Sequence[PageContent], name: str, media_type: str, path: Path) -> DoclingDocument:
    from docling_core.types.doc.base import Size
    from docling_core.types.doc.document import DoclingDocument

    document = DoclingDocument(name=name, origin=origin(name, media_type, path))
    levels = _levels(pages)
    titled = False
    for page in pages:
        document.add_page(page_no=page.number, size=Size(width=page.width, height=page.height))
        elements = list(page.elements)
        for index, element in enumerate(elements):
            if element.label == "title" and titled:
                elements[index] = replace(element, label="section_header")
            titled = titled or element.label == "title"
        _add(document, replace(page, elements=tuple(elements)), levels)
    return document


def _add(document: DoclingDocument, page: PageContent, levels: dict[float, int]) -> None:
    from docling_core.types.doc.common.content_layer import ContentLayer
    from docling_core.types.doc.labels import DocItemLabel

    group: ListGroup | None = None
    hosts: dict[int, FloatingItem] = {}
    captions: list[tuple[int, TextItem]] = []
    for index, element in enumerate(page.elements):
        provenance = _provenance(page, element)
        if element.label != "list_item":
            group = None
        if element.label == "table":
            hosts[index] = document.add_table(data=table_data(element.rows), prov=provenance)
        elif element.label == "picture":
            hosts[index] = document.add_picture(prov=provenance)
        elif element.label == "title":
            document.add_title(element.text, prov=provenance)
        elif element.label == "section_header":
            document.add_heading(element.text, level=_level(element, levels), prov=provenance)
        elif element.label == "list_item":
            group = group or document.add_list_group()
            marker = _MARKER.match(element.text)
            text = element.text[marker.end() :] if marker else element.text
            document.add_list_item(text, enumerated=bool(marker), marker=marker[1] if marker else None, parent=group, prov=provenance)
        else:
            layer = ContentLayer.FURNITURE if element.label in _FURNITURE else None
            item = document.add_text(DocItemLabel(element.label), element.text, prov=provenance, content_layer=layer)
            if element.caption_of >= 0:
                captions.append((element.caption_of, item))
    for owner, caption in captions:
        host = hosts.get(owner)
        if host is not None:
            host.captions.append(caption.get_ref())


def _provenance(page: PageContent, element: Element) -> ProvenanceItem:
    from docling_core.types.doc.base import BoundingBox, CoordOrigin
    from docling_core.types.doc.common.reference import ProvenanceItem

    left, top, right, bottom = element.box
    box = BoundingBox(l=left, t=top, r=right, b=bottom, coord_origin=CoordOrigin.TOPLEFT)
    return ProvenanceItem(page_no=page.number, bbox=box.to_bottom_left_origin(page.height), charspan=(0, len(element.text)))


def _with_kinds(pages: Sequence[PageContent]) -> list[PageContent]:
    """Find out which blocks of the plain text reader are headings, and which repeat on most pages."""
    blocks = [(page, element) for page in pages for element in page.elements if element.label == "block"]
    if not blocks:
        return list(pages)
    sizes: Counter[float] = Counter()
    for _, element in blocks:
        sizes[element.size] += len(element.text)
    body = sizes.most_common(1)[0][0]
    repeated = _repeated(blocks, sum(any(one.label == "block" for one in page.elements) for page in pages))

    def kind(page: PageContent, element: Element) -> Element:
        if element.label != "block":
            return element
        if _edge_text(page, element) in repeated:
            return replace(element, label="page_header" if element.box[3] < page.height / 2 else "page_footer")
        return replace(element, label="section_header" if _is_heading(element, body) else "text")

    return [replace(page, elements=tuple(kind(page, element) for element in page.elements)) for page in pages]


def _is_heading(element: Element, body: float) -> bool:
    text = element.text
    if len(text) > _MAX_HEADING or not any(map(str.isalpha, text)) or text.endswith((",", ";")):
        return False
    if element.size >= body * 1.15:
        return True
    return element.size >= body and element.bold and (bool(_NUMBER.match(text)) or not text.endswith((".", ":")))


def _edge_text(page: PageContent, element: Element) -> tuple[bool, str] | None:
    if element.box[3] <= page.height * _EDGE:
        return (True, _DIGITS.sub("#", element.text))
    if element.box[1] >= page.height * (1 - _EDGE):
        return (False, _DIGITS.sub("#", element.text))
    return None


def _repeated(blocks: Sequence[tuple[PageContent, Element]], pages: int) -> set[tuple[bool, str]]:
    seen: Counter[tuple[bool, str]] = Counter()
    for page, element in blocks:
        if place := _edge_text(page, element):
            seen[place] += 1
    return {place for place, times in seen.items() if times >= max(3, pages // 2)}


def _levels(pages: Sequence[PageContent]) -> dict[float, int]:
    """Level of each font size of headings: the largest is 1; sizes within a twentieth count as one."""
    sizes = sorted({one.size for page in pages for one in page.elements if one.label == "section_header"}, reverse=True)
    levels: dict[float, int] = {}
    level, largest = 0, 0.0
    for size in sizes:
        if not levels or size < largest * 0.95:
            level, largest = min(level + 1, _MAX_LEVEL), size
        levels[size] = level
    return levels


def _level(element: Element, levels: dict[float, int]) -> int:
    number = _NUMBER.match(element.text)
    if number and "." in number[1]:
        return min(number[1].count(".") + 1, _MAX_LEVEL)
    return levels.get(element.size, 1)
