"""Write what a vision model said into a parsed document: the task function that runs in a worker."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from docpipe.isolate import Answer
from docpipe.models import Page, ParsedDocument

if TYPE_CHECKING:
    from docling_core.types.doc.document import DoclingDocument
    from docling_core.types.doc.items.node import DocItem

_LINE = re.compile(r"^(?:(?P<heading>#{1,6})|(?P<item>[-*•]))\s+(?P<text>.+)$")


def write(path: str, model: str, descriptions: Mapping[str, str], transcriptions: Mapping[int, str]) -> Answer:
    """The bytes of the `ParsedDocument` in the file, with figures described and pages transcribed; the dict holds its counts.

    `descriptions` go by the reference of their picture, `transcriptions` by page number: they take the place of what was
    read from the page before.
    """
    parsed = ParsedDocument.from_bytes(Path(path).read_bytes())
    for picture in parsed.document.pictures:
        if text := descriptions.get(picture.self_ref):
            _describe(picture, text, model)
    figures = tuple(
        figure.model_copy(update={"description": descriptions.get(figure.reference, figure.description)}) for figure in parsed.figures
    )
    pages = []
    for page in parsed.pages:
        if text := transcriptions.get(page.number):
            characters = _transcribe(parsed.document, page, text)
            reason = f"{page.reason}; transcribed by {model}" if page.reason else f"transcribed by {model}"
            pages.append(page.model_copy(update={"route": "vision", "reason": reason, "characters": characters, "error": ""}))
        else:
            pages.append(page)
    written = replace(parsed, pages=tuple(pages), figures=figures)
    return {"counts": written.counts}, written.to_bytes()


def _describe(picture: DocItem, text: str, model: str) -> None:
    from docling_core.types.doc.common.meta import DescriptionMetaField
    from docling_core.types.doc.items.picture.meta import PictureMeta

    said = DescriptionMetaField(text=text, created_by=model)
    picture.meta = picture.meta.model_copy(update={"description": said}) if picture.meta else PictureMeta(description=said)


def _transcribe(document: DoclingDocument, page: Page, text: str) -> int:
    """Put the text in the place of the page's own texts; returns its characters. Pictures of the page stay."""
    from docling_core.types.doc.base import BoundingBox, CoordOrigin
    from docling_core.types.doc.common.reference import ProvenanceItem
    from docling_core.types.doc.labels import DocItemLabel

    old: list[DocItem] = [*document.texts, *document.tables]
    # A paragraph that goes on from another page is that page's, too.
    gone = [item for item in old if item.prov and all(place.page_no == page.number for place in item.prov)]
    if gone:
        document.delete_items(node_items=list(gone))
    before = list(document.body.children)
    # The whole page is the place: the model does not say where it read what.
    box = BoundingBox(l=0, t=page.height, r=page.width, b=0, coord_origin=CoordOrigin.BOTTOMLEFT)
    group = None
    characters = 0
    for kind, level, passage in _passages(text):
        place = ProvenanceItem(page_no=page.number, bbox=box, charspan=(0, len(passage)))
        characters += len(passage)
        if kind == "item":
            group = group or document.add_list_group()
            document.add_list_item(passage, parent=group, prov=place)
            continue
        group = None
        if kind == "heading":
            document.add_heading(passage, level=level, prov=place)
        else:
            document.add_text(DocItemLabel.TEXT, passage, prov=place)
    added = document.body.children[len(before) :]
    at = _place_among(document, page.number, len(before))
    document.body.children = [*before[:at], *added, *before[at:]]
    return characters


def _passages(text: str) -> Iterator[tuple[str, int, str]]:
    """Kind (heading, item or text), level of a heading, and text."""
    lines: list[str] = []
    for line in [*text.splitlines(), ""]:
        marked = _LINE.match(line.strip())
        if (marked or not line.strip()) and lines:
            yield "text", 0, "\n".join(lines)
            lines = []
        if marked and marked["heading"]:
            yield "heading", len(marked["heading"]), marked["text"]
        elif marked:
            yield "item", 0, marked["text"]
        elif line.strip():
            lines.append(line.strip())


def _place_among(document: DoclingDocument, number: int, count: int) -> int:
    """Where among the first `count` children of the body a page begins: before the first item of a later page."""
    for index, reference in enumerate(document.body.children[:count]):
        pages = [place.page_no for item in _items_below(document, reference.cref) for place in item.prov]
        if pages and min(pages) > number:
            return index
    return count


def _items_below(document: DoclingDocument, reference: str) -> Iterator[DocItem]:
    from docling_core.types.doc.common.reference import RefItem
    from docling_core.types.doc.items.node import DocItem

    stack, seen = [reference], set()
    while stack:
        node = RefItem.model_validate({"$ref": stack.pop()}).resolve(document)
        if node.self_ref in seen:
            continue
        seen.add(node.self_ref)
        if isinstance(node, DocItem):
            yield node
        stack.extend(child.cref for child in node.children)
