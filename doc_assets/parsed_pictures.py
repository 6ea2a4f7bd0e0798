"""What there is to look at after parsing: a page with its boxes, who read the pages, and some figures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg

from doc_assets.charts import bars, image
from docpipe.isolate import Task, WorkerPool
from docpipe.models import Box, Document, Figure, Page, ParsedDocument, StageName
from docpipe.page_routes import route_totals
from docpipe.parse.formats import IMAGES, PDF
from docpipe.pipeline import Pipeline
from docpipe.render import Look
from docpipe.render.contact_sheet import MOST_PICTURES
from docpipe.render.document_pictures import DocumentPictures

PICTURED_PAGES = 50
"""Longer documents are not drawn: all boxes of a document are loaded for the first page's."""
FIGURES_EACH = 4
"""Of one document on the sheet of figures, so that it shows many."""
PICTURE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class _KeptFigure:
    key: str
    fingerprint: str
    figure: Figure


def parsed_pictures(pipeline: Pipeline, stored: Iterable[tuple[str, str, bytes]]) -> dict[str, Any]:
    """Metadata from artifacts of `parsed_pages`, each with its partition key and fingerprint."""
    shown: dict[str, Any] = {}
    pages: list[Page] = []
    figures: list[_KeptFigure] = []
    documents = 0
    for key, fingerprint, data in stored:
        head = ParsedDocument.head_of(data)
        documents += 1
        pages += head.pages
        figures += [_KeptFigure(key, fingerprint, figure) for figure in head.figures[:FIGURES_EACH]]
        if not shown and 0 < len(head.pages) <= PICTURED_PAGES:
            document = pipeline.ledger.documents([key])[key]
            if document.media_type in (PDF, *IMAGES):
                shown = _first_page(pipeline, document, ParsedDocument.from_bytes(data))
    sheet = _figures(pipeline, figures[:MOST_PICTURES]) if figures else {}
    return {**shown, **sheet, **_routes(pages, documents)} if pages else {}


def _first_page(pipeline: Pipeline, document: Document, parsed: ParsedDocument) -> dict[str, Any]:
    look = Look(width=480, colours=64, outlined=tuple(page_boxes(parsed, 1)))
    with DocumentPictures(pipeline) as pictures:
        (picture,) = pictures.pages(document, [1], look)
    if picture.error is not None:
        return {"first_page": f"no picture: {picture.error}"}
    return {"first_page": image(picture.data), "first_page_of": document.key}


def page_boxes(parsed: ParsedDocument, number: int) -> list[Box]:
    """The boxes of all items on one page, from its top left corner."""
    page = parsed.pages[number - 1]
    boxes: list[Box] = []
    for item, _ in parsed.document.iterate_items():
        for place in getattr(item, "prov", []):
            if place.page_no == number:
                box = place.bbox.to_top_left_origin(page.height)
                boxes.append(Box(page=number, left=box.l, top=box.t, right=box.r, bottom=box.b))
    return boxes


def _figures(pipeline: Pipeline, kept: Sequence[_KeptFigure]) -> dict[str, Any]:
    """A sheet of figures, drawn in a worker: they are a stranger's pictures."""
    load = pipeline.artifacts.load_part
    shown = [
        (load(StageName.PARSED_PAGES, one.key, one.fingerprint, one.figure.sha256), _caption(one.key, one.figure.page)) for one in kept
    ]
    with WorkerPool.from_settings(pipeline.settings) as pool:
        task = Task("figures", "docpipe.render.contact_sheet:draw_sheet", (shown,), seconds=PICTURE_SECONDS)
        (result,) = pool.run([task])
    return {"figures": image(result.answer[1]) if result.answer else f"no picture: {result.error}"}


def _caption(key: str, page: int) -> str:
    return f"p. {page}  {key}" if page else key


def _short(seconds: float) -> str:
    return f"{seconds:,.1f} s" if seconds >= 1 else f"{seconds * 1_000:.0f} ms"


def _routes(pages: Sequence[Page], documents: int) -> dict[str, Any]:
    """Who read the pages, in how much time: as a chart to see, and as a table to sort."""
    totals = route_totals(pages)
    notes = [f"{one.pages:,} in {one.seconds:,.1f} s, {_short(one.seconds / one.pages)} a page" for one in totals]
    whole = f"pages by route, of {documents} document{'s' * (documents != 1)}"
    rows = [dg.TableRecord({"route": one.route, "count": one.pages, "seconds": round(one.seconds, 2)}) for one in totals]
    return {
        "page_routes": bars([one.route for one in totals], [one.pages for one in totals], notes, whole),
        "pages_by_route": dg.MetadataValue.table(rows),
    }
