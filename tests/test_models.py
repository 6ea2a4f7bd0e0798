"""Artifacts survive their way through bytes, and damaged bytes are told from whole ones."""

from __future__ import annotations

import numpy as np
import pytest
from docling_core.types.doc.document import DoclingDocument
from docling_core.types.doc.labels import DocItemLabel
from hypothesis import given
from hypothesis import strategies as st

from docpipe.errors import ArtifactDamaged
from docpipe.models import (
    Box,
    Chunk,
    ChunkedDocument,
    EmbeddedDocument,
    EnrichedDocument,
    Enrichment,
    Finding,
    IndexedDocument,
    Page,
    ParsedDocument,
    StageName,
)
from docpipe.stage import ARTIFACT_TYPES, Artifact


def parsed() -> ParsedDocument:
    document = DoclingDocument(name="d")
    document.add_text(DocItemLabel.TEXT, "größe\n\n👍")
    return ParsedDocument(document, (Page(number=1, route="text", characters=8, width=100.0),), ("repaired",))


def chunked() -> ChunkedDocument:
    box = Box(page=1, left=1.5, top=2, right=3, bottom=4)
    first = Chunk(index=0, text="größe", heading_path=("A", "B"), boxes=(box,), pages=(1,), tokens=3)
    return ChunkedDocument(title="t", chunks=(first, Chunk(index=1, text="x", tokens=1, kind="table", overlap=1)))


ARTIFACTS: dict[StageName, Artifact] = {
    StageName.PARSED_PAGES: parsed(),
    StageName.CHUNKS: chunked(),
    StageName.ENRICHED_CHUNKS: EnrichedDocument(
        document_class="report",
        class_scores={"report": 0.5},
        enrichments=(Enrichment(chunk=0, quality=0.5, findings=(Finding(kind="date", text="3 May", value="2024-05-03", start=2),)),),
    ),
    StageName.EMBEDDINGS: EmbeddedDocument("m", np.arange(6, dtype=np.float32).reshape(2, 3), 4),
    StageName.INDEXED_VECTORS: IndexedDocument(collection="c", generation=3, points=2),
}
COUNTS = {
    StageName.PARSED_PAGES: {"pages": 1, "characters": 8, "text_pages": 1},
    StageName.CHUNKS: {"chunks": 2, "tokens": 4},
    StageName.ENRICHED_CHUNKS: {"chunks": 1, "findings": 1},
    StageName.EMBEDDINGS: {"vectors": 2, "tokens": 4},
    StageName.INDEXED_VECTORS: {"points": 2},
}


@pytest.mark.parametrize("stage", list(StageName))
def test_an_artifact_comes_back_as_it_was(stage: StageName) -> None:
    artifact = ARTIFACTS[stage]
    again = ARTIFACT_TYPES[stage].from_bytes(artifact.to_bytes())
    assert again.to_bytes() == artifact.to_bytes()
    assert again.counts == artifact.counts == COUNTS[stage]
    if isinstance(again, EmbeddedDocument):
        assert isinstance(artifact, EmbeddedDocument)
        assert np.array_equal(again.vectors, artifact.vectors)
    else:
        assert again == artifact


@pytest.mark.parametrize("stage", list(StageName))
@given(cut=st.floats(0, 0.99), junk=st.binary(max_size=20))
def test_damaged_bytes_are_told_from_whole_ones(stage: StageName, cut: float, junk: bytes) -> None:
    data = ARTIFACTS[stage].to_bytes()
    for damaged in (data[: int(len(data) * cut)], junk, data[: int(len(data) * cut)] + junk):
        try:
            again = ARTIFACT_TYPES[stage].from_bytes(damaged)
        except ArtifactDamaged:
            continue
        # What passes must be a whole artifact, not a part of one.
        assert ARTIFACT_TYPES[stage].from_bytes(again.to_bytes()).to_bytes() == again.to_bytes()
        assert damaged != data[: int(len(data) * cut)] or stage is StageName.EMBEDDINGS


def test_an_embedded_document_without_chunks_keeps_its_dimension() -> None:
    again = EmbeddedDocument.from_bytes(EmbeddedDocument("m", np.empty((0, 384), dtype=np.float32)).to_bytes())
    assert again.vectors.shape == (0, 384)


def test_the_heading_path_is_embedded_with_the_passage() -> None:
    assert chunked().chunks[0].embedding_text == "A\nB\ngröße"
    assert chunked().chunks[1].embedding_text == "x"


def test_unknown_fields_are_damage() -> None:
    with pytest.raises(ArtifactDamaged, match="IndexedDocument"):
        IndexedDocument.from_bytes(b'{"collection": "c", "generation": 1, "points": 1, "more": 2}')
