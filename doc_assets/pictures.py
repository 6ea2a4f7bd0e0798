"""Pictures for the Dagster UI, each as a metadata value: people would rather look than read."""

from __future__ import annotations

import base64
import logging
from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import dagster as dg

from docpipe.isolate import Task, WorkerPool
from docpipe.models import Box, ChunkedDocument, Document, EnrichedDocument, ParsedDocument, StageName
from docpipe.parse.formats import IMAGES, PDF
from docpipe.pipeline import Pipeline

SAMPLED = 20
"""Documents of a run whose artifacts are read again for a picture."""
PICTURED_PAGES = 50
"""Longer documents are not drawn: all boxes of a document are loaded for the first page's."""

PICTURE_SECONDS = 30.0

log = logging.getLogger(__name__)


def pictures(pipeline: Pipeline, stage: StageName, made: Sequence[str], fingerprints: Mapping[str, str]) -> dict[str, Any]:
    """What there is to look at after a stage: a page with its boxes, a histogram, the classes found.

    Never raises: a batch that is done must not fail for want of a picture.
    """
    try:
        return _pictures(pipeline, stage, [(key, fingerprints[key]) for key in made[:SAMPLED]])
    except Exception as error:
        log.warning("no picture of %s", stage, exc_info=True)
        return {"no_picture": f"{type(error).__name__}: {error}"}


def _pictures(pipeline: Pipeline, stage: StageName, sample: Sequence[tuple[str, str]]) -> dict[str, Any]:
    stored = ((key, pipeline.artifacts.load(stage, key, fingerprint)) for key, fingerprint in sample)
    match stage:
        case StageName.PARSED_PAGES:
            return _parsed_pictures(pipeline, stored)
        case StageName.CHUNKS:
            tokens = [chunk.tokens for _, data in stored for chunk in ChunkedDocument.from_bytes(data).chunks]
            return {"chunk_lengths": _histogram(tokens, "tokens in a chunk")} if tokens else {}
        case StageName.ENRICHED_CHUNKS:
            enriched = [EnrichedDocument.from_bytes(data) for _, data in stored]
            quality = [one.quality for artifact in enriched for one in artifact.enrichments]
            if not quality:
                return {}
            classes = [artifact.document_class or "none" for artifact in enriched]
            return {"document_classes": _table("class", classes), "chunk_quality": _histogram(quality, "quality of a chunk")}
        case _:
            return {}


def _parsed_pictures(pipeline: Pipeline, stored: Iterable[tuple[str, bytes]]) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    routes: list[str] = []
    for key, data in stored:
        pages = ParsedDocument.pages_of(data)
        routes += [page.route for page in pages]
        if not shown and 0 < len(pages) <= PICTURED_PAGES:
            document = pipeline.ledger.documents([key])[key]
            if document.media_type in (PDF, *IMAGES):
                shown = _page_picture(pipeline, document, ParsedDocument.from_bytes(data))
    return {**shown, "pages_by_route": _table("route", routes)} if routes else {}


def _page_picture(pipeline: Pipeline, document: Document, parsed: ParsedDocument) -> dict[str, Any]:
    boxes = [box.model_dump() for box in page_boxes(parsed, 1)]
    with TemporaryDirectory(prefix="docpipe-") as folder, WorkerPool.from_settings(pipeline.settings) as pool:
        path = Path(folder) / "source"
        info, _ = pipeline.bucket.download(document.object_key, path)
        if info.identity != document.identity:
            return {}
        task = Task(document.key, "docpipe.parse.picture:draw", (str(path), document.media_type, 1, boxes), seconds=PICTURE_SECONDS)
        (result,) = pool.run([task])
    if result.answer is None:
        return {"first_page": f"no picture: {result.error}"}
    return {"first_page": _image(result.answer[1], "image/png"), "first_page_of": document.key}


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


def _table(name: str, values: Sequence[str]) -> dg.TableMetadataValue:
    counted = sorted(((values.count(value), value) for value in set(values)), reverse=True)
    return dg.MetadataValue.table([dg.TableRecord({name: value, "count": count}) for count, value in counted])


def _histogram(values: Sequence[float], label: str) -> dg.MarkdownMetadataValue:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.2, 2.2), dpi=80, layout="constrained")
    axes = figure.subplots()
    axes.hist(values, bins=32, color="#4F43DD")
    axes.set_xlabel(label)
    axes.set_ylabel("chunks")
    axes.spines[["top", "right"]].set_visible(False)
    buffer = BytesIO()
    figure.savefig(buffer, format="png")
    return _image(buffer.getvalue(), "image/png")


def _image(data: bytes, media_type: str) -> dg.MarkdownMetadataValue:
    return dg.MetadataValue.md(f"![picture](data:{media_type};base64,{base64.b64encode(data).decode()})")
