"""Pictures are for looking at: whatever keeps one from being drawn, the batch is done."""

from __future__ import annotations

import pytest
from docling_core.types.doc.document import DoclingDocument

from doc_assets.pictures import pictures
from docpipe.models import Page, ParsedDocument, StageName
from docpipe.stage import counts_of
from tests.installation import Installation


@pytest.mark.parametrize("stage", [StageName.PARSED_PAGES, StageName.CHUNKS, StageName.ENRICHED_CHUNKS])
def test_a_picture_that_cannot_be_drawn_says_why_and_raises_nothing(installation: Installation, stage: StageName) -> None:
    drawn = pictures(installation.pipeline, stage, ["missing"], {"missing": "0" * 32})
    assert drawn.keys() == {"no_picture"}
    assert "ArtifactDamaged" in drawn["no_picture"]


def test_the_pages_of_a_document_are_read_without_the_document() -> None:
    parsed = ParsedDocument(DoclingDocument(name="x"), (Page(number=1, route="layout", characters=7), Page(number=2, route="ocr")))
    data = parsed.to_bytes()
    head = data.partition(b"\n")[0]
    assert ParsedDocument.pages_of(head + b"\nno document at all") == parsed.pages
    assert counts_of(StageName.PARSED_PAGES, data) == parsed.counts == {"pages": 2, "characters": 7}
