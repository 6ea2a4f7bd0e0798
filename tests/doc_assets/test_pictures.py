"""Pictures are for looking at: whatever keeps one from being drawn, the batch is done."""

from __future__ import annotations

import base64
from io import BytesIO
from pathlib import Path

import pytest
from docling_core.types.doc.document import DoclingDocument
from PIL import Image

from doc_assets.pictures import pictures
from docpipe.models import Page, ParsedDocument, StageName
from docpipe.reconcile import reconcile
from docpipe.stage import counts_of
from tests.installation import Installation
from tests.parse.pictures import illustrated


@pytest.mark.parametrize("stage", [StageName.PARSED_PAGES, StageName.CHUNKS, StageName.ENRICHED_CHUNKS])
def test_a_picture_that_cannot_be_drawn_says_why_and_raises_nothing(installation: Installation, stage: StageName) -> None:
    drawn = pictures(installation.pipeline, stage, ["missing"], {"missing": "0" * 32})
    assert drawn.keys() == {"no_picture"}
    assert "ArtifactDamaged" in drawn["no_picture"]


def test_the_pages_of_a_document_are_read_without_the_document() -> None:
    parsed = ParsedDocument(DoclingDocument(name="x"), (Page(number=1, route="layout", characters=7), Page(number=2, route="ocr")))
    data = parsed.to_bytes()
    head = data.partition(b"\n")[0]
    assert ParsedDocument.head_of(head + b"\nno document at all").pages == parsed.pages
    assert counts_of(StageName.PARSED_PAGES, data) == parsed.counts == {"pages": 2, "characters": 7, "layout_pages": 1, "ocr_pages": 1}


def test_what_there_is_to_see_after_parsing(installation: Installation, tmp_path: Path) -> None:
    pipeline = installation.pipeline
    pipeline.bucket.write("harbour.pdf", illustrated(tmp_path / "harbour.pdf", pages=2))
    pipeline.bucket.write("note.txt", b"a text has no picture")
    reconcile(pipeline.bucket, pipeline.ledger, pipeline.settings)
    results = {result.document.key: result for result in pipeline.run(StageName.PARSED_PAGES, ["harbour.pdf", "note.txt"], "run")}
    assert results["harbour.pdf"].counts["layout_pages"] == 2
    fingerprints = {key: result.fingerprint for key, result in results.items()}
    drawn = pictures(pipeline, StageName.PARSED_PAGES, list(results), fingerprints)
    assert drawn["first_page_of"] == "harbour.pdf"
    for name in ("first_page", "figures", "page_routes"):
        data = base64.b64decode(drawn[name].value.removeprefix("![picture](data:image/png;base64,").removesuffix(")"))
        with Image.open(BytesIO(data)) as picture:
            assert len(picture.convert("RGB").getcolors(1_000_000) or ()) > 5, f"{name} shows something"
    assert {row.data["route"]: row.data["count"] for row in drawn["pages_by_route"].value.records} == {"layout": 2, "plain": 1}
