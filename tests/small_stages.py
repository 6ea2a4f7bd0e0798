"""The three later stages, small: true artifacts made without a model and without an index."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from docpipe.fingerprint import Recipe
from docpipe.models import ChunkedDocument, Document, EmbeddedDocument, EnrichedDocument, Enrichment, IndexedDocument, StageName
from docpipe.stage import ARTIFACT_TYPES, Artifact, Item, Lost, Made, Outcome, Stage
from tests.stages import LineStage, TextStage, Trouble, no_trouble


class ChunkReader:
    """A stage that makes its artifact of the chunks alone."""

    def __init__(self, name: StageName, make: Callable[[Document, ChunkedDocument], Artifact], trouble: Trouble) -> None:
        self.name = name
        self.asked: list[str] = []
        self._make = make
        self._trouble = trouble

    def recipe(self, document: Document) -> Recipe:
        return Recipe(self.name, "1", {"generation": document.generation} if self.name is StageName.INDEXED_VECTORS else {})

    def process(self, items: Sequence[Item]) -> Iterator[Outcome]:
        for item in items:
            key = item.document.key
            self.asked.append(key)
            if error := self._trouble(item.document, self.asked.count(key)):
                yield Lost(key, error)
                continue
            artifact = self._make(item.document, ChunkedDocument.from_bytes(item.inputs[StageName.CHUNKS]()))
            assert isinstance(artifact, ARTIFACT_TYPES[self.name])
            yield Made(key, artifact.to_bytes(), artifact.counts, 0.1)


def small_stages(trouble: Mapping[StageName, Trouble]) -> dict[StageName, Stage]:
    """All five stages; each fails as it is told."""

    def reader(name: StageName, make: Callable[[Document, ChunkedDocument], Artifact]) -> Stage:
        return ChunkReader(name, make, trouble.get(name, no_trouble))

    return {
        StageName.PARSED_PAGES: TextStage(trouble.get(StageName.PARSED_PAGES, no_trouble)),
        StageName.CHUNKS: LineStage(trouble=trouble.get(StageName.CHUNKS, no_trouble)),
        StageName.ENRICHED_CHUNKS: reader(StageName.ENRICHED_CHUNKS, _enrich),
        StageName.EMBEDDINGS: reader(StageName.EMBEDDINGS, _embed),
        StageName.INDEXED_VECTORS: reader(StageName.INDEXED_VECTORS, _index),
    }


def _enrich(document: Document, chunked: ChunkedDocument) -> EnrichedDocument:
    enrichments = tuple(Enrichment(chunk=chunk.index, quality=0.5) for chunk in chunked.chunks)
    return EnrichedDocument(document_class="report", enrichments=enrichments)


def _embed(document: Document, chunked: ChunkedDocument) -> EmbeddedDocument:
    return EmbeddedDocument("none", np.ones((len(chunked.chunks), 2), dtype=np.float32))


def _index(document: Document, chunked: ChunkedDocument) -> IndexedDocument:
    return IndexedDocument(collection="none", generation=document.generation, points=len(chunked.chunks))
