"""The stage `indexed_vectors`: chunks, what was learnt about them and their vectors become points."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC
from functools import cached_property

from docpipe.embed.model import EmbeddingModel, find_model
from docpipe.embed.vectors import unit_vectors
from docpipe.errors import ArtifactDamaged, ConfigurationError, DocpipeError, TransientError
from docpipe.fingerprint import Recipe
from docpipe.index.collection import SCHEMA, collection_for
from docpipe.index.contract import Entry, IndexWriter, Passage
from docpipe.index.folders import folders
from docpipe.index.opening import location, open_writer
from docpipe.index.sparse import PARAMETERS
from docpipe.inputs import Loaded, load_inputs
from docpipe.models import Chunk, ChunkedDocument, Document, EmbeddedDocument, EnrichedDocument, Enrichment, IndexedDocument, StageName
from docpipe.settings import Settings
from docpipe.stage import Effort, Item, Lost, Made, Outcome

CODE_VERSION = "2"

GROUP_DOCUMENTS = 64
GROUP_POINTS = 2_000
"""Documents written and made durable together."""


@dataclass(frozen=True, slots=True)
class _Ready:
    """One document that only has to be written."""

    entry: Entry
    seconds: float
    cpu_seconds: float

    @property
    def points(self) -> int:
        return len(self.entry.passages)


class IndexStage:
    """Writes documents in groups; a document is made only when its points are durable."""

    name = StageName.INDEXED_VECTORS

    def __init__(self, settings: Settings, run_id: str = "") -> None:
        self._settings = settings
        self._run_id = run_id

    def recipe(self, document: Document) -> Recipe:
        """The receipt holds for one generation in one index: another server has to be filled anew."""
        model = self._model
        parameters = {
            "collection": self._collection_name,
            "dimension": model.dimension,
            "generation": document.generation,
            "index": location(self._settings),
            "schema": SCHEMA,
            "sparse": dict(PARAMETERS),
        }
        return Recipe(self.name, CODE_VERSION, parameters, {model.name: model.sha256})

    def process(self, items: Sequence[Item]) -> Iterator[Outcome]:
        if not items:
            return
        with ExitStack() as stack:
            try:
                index = stack.enter_context(open_writer(self._settings))
            except TransientError as error:
                yield from (Lost(item.document.key, error) for item in items)
                return
            group: list[_Ready] = []
            for loaded in load_inputs(items):
                ready = self._ready(loaded)
                if isinstance(ready, Lost):
                    yield ready
                    continue
                group.append(ready)
                if len(group) >= GROUP_DOCUMENTS or sum(one.points for one in group) >= GROUP_POINTS:
                    yield from self._write(index, group)
                    group = []
            yield from self._write(index, group)

    @cached_property
    def _model(self) -> EmbeddingModel:
        return find_model(self._settings)

    @cached_property
    def _collection_name(self) -> str:
        return collection_for(self._settings, self._model).name

    def _ready(self, loaded: Loaded) -> _Ready | Lost:
        document = loaded.item.document
        began, cpu_before = time.perf_counter(), time.process_time()
        error = loaded.error
        if error is None:
            try:
                entry = self._entry(document, loaded.data)
                return _Ready(entry, loaded.seconds + time.perf_counter() - began, time.process_time() - cpu_before)
            except Exception as broken:  # noqa: BLE001 - a stage answers for every document, whatever is wrong with it
                error = broken
        return Lost(document.key, error, loaded.seconds + time.perf_counter() - began)

    def _entry(self, document: Document, data: Mapping[StageName, bytes]) -> Entry:
        chunks = ChunkedDocument.from_bytes(data[StageName.CHUNKS]).chunks
        enriched = EnrichedDocument.from_bytes(data[StageName.ENRICHED_CHUNKS])
        vectors = EmbeddedDocument.from_bytes(data[StageName.EMBEDDINGS]).vectors
        learnt = {one.chunk: one for one in enriched.enrichments}
        if len(vectors) != len(chunks) or learnt.keys() != {chunk.index for chunk in chunks}:
            raise ArtifactDamaged(
                f"{len(chunks)} chunks, {len(learnt)} enrichments and {len(vectors)} vectors do not belong together: they are made again"
            )
        if [chunk.index for chunk in chunks] != list(range(len(chunks))):
            raise ArtifactDamaged("the chunks are not numbered from 0 without gaps: they are made again")
        payload = {
            "object_key": document.object_key,
            "media_type": document.media_type,
            "document_class": enriched.document_class,
            "tags": list(folders(document.object_key)),
            "run_id": self._run_id,
        }
        dated = document.modified or document.first_seen
        if dated:
            payload["date"] = dated.astimezone(UTC).isoformat()
        passages = [_passage(chunk, learnt[chunk.index], enriched.language) for chunk in chunks]
        return Entry(document.key, document.generation, payload, passages, unit_vectors(vectors, len(chunks), self._model.dimension))

    def _write(self, index: IndexWriter, group: Sequence[_Ready]) -> Iterator[Outcome]:
        """Write a group; where that is refused, write its documents one by one, so that only those at fault are lost."""
        if not group:
            return
        began, cpu_before = time.perf_counter(), time.process_time()
        try:
            index.replace([one.entry for one in group])
        except ConfigurationError:
            raise
        except TransientError as error:
            yield from (Lost(one.entry.key, error, one.seconds) for one in group)
            return
        except DocpipeError as error:
            if len(group) == 1:
                yield Lost(group[0].entry.key, error, group[0].seconds)
                return
            for one in group:
                yield from self._write(index, [one])
            return
        spent, cpu_spent = time.perf_counter() - began, time.process_time() - cpu_before
        shares = sum(one.points + 1 for one in group)
        for one in group:
            made = IndexedDocument(collection=self._collection_name, generation=one.entry.generation, points=one.points)
            weight = (one.points + 1) / shares
            effort = Effort(one.cpu_seconds + cpu_spent * weight)
            yield Made(one.entry.key, made.to_bytes(), made.counts, one.seconds + spent * weight, effort=effort)


def _passage(chunk: Chunk, learnt: Enrichment, language: str) -> Passage:
    payload = {
        "text": chunk.text,
        "overlap": chunk.overlap,
        "heading_path": list(chunk.heading_path),
        "pages": list(chunk.pages),
        "boxes": [box.model_dump() for box in chunk.boxes],
        "kind": chunk.kind,
        "language": learnt.language or language,
        "quality": learnt.quality,
    }
    return Passage(chunk.index, chunk.embedding_text, payload)
