"""docpipe without Dagster: its stages as the product runs them, with ledger and artifacts, into the embedded index.

Variants: empty for its defaults, `no ocr`.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

from benchmarks.peers.our_settings import our_settings
from benchmarks.peers.peer import CHUNKS, HOME, PDF_FOLDER, Job, Place, Stored
from docpipe.embed.embedder import open_embedder
from docpipe.index import open_reader
from docpipe.models import Chunk, ChunkedDocument, EmbeddedDocument, StageName
from docpipe.pipeline import Pipeline
from docpipe.reconcile import reconcile
from docpipe.search import Searcher, open_searcher

AFTER_CHUNKS = (StageName.EMBEDDINGS, StageName.INDEXED_VECTORS)
RUN = "benchmark"


class Ours:
    def __init__(self, job: Job, bucket: Path | None = None) -> None:
        self.job = job
        home = Path(job.folder) / HOME
        shutil.copytree(Path(job.source) / HOME, home)
        self.settings = our_settings(home, bucket or Path(job.source) / PDF_FOLDER, job.variant)
        self.pipeline = Pipeline(self.settings)
        self.keys = list(dict.fromkeys(chunk.key for chunk in job.chunks())) if job.kind == CHUNKS else []
        open_embedder(self.settings).embed(["warm up"])
        self._searcher: Searcher | None = None
        self._open = ExitStack()

    def store(self) -> None:
        if self.job.kind == CHUNKS:
            self.run(AFTER_CHUNKS)
            return
        reconcile(self.pipeline.bucket, self.pipeline.ledger, self.settings)
        self.keys = [document.key for document in self.pipeline.ledger.all_documents()]
        self.run(StageName)

    def run(self, stages: Iterable[StageName]) -> None:
        """Take every document through the stages; what becomes of one that fails shows in what is stored."""
        for stage in stages:
            for result in self.pipeline.run(stage, self.keys, RUN):
                if result.error is not None:
                    print(f"{stage}: {result.document.object_key}: {result.error}")

    def stored(self) -> Iterator[Stored]:
        with open_reader(self.settings) as index:
            for key, _, points in index.inventory():
                chunks = [chunk for chunk, _ in embedded_chunks(self.pipeline, key)]
                assert len(chunks) == points, f"{key} has {points} points and {len(chunks)} chunks"
                file = self.pipeline.ledger.documents([key])[key].object_key
                yield from (Stored(Place(file, next(iter(chunk.pages), 0)), chunk.embedding_text) for chunk in chunks)

    def find(self, question: str, limit: int) -> list[Place]:
        if self._searcher is None:
            self._searcher = self._open.enter_context(open_searcher(self.settings))
        hits = self._searcher.search(question, limit)
        return [Place(hit.object_key, next(iter(hit.pages), 0)) for hit in hits]


def open_peer(job: Job) -> Ours:
    return Ours(job)


def embedded_chunks(pipeline: Pipeline, key: str) -> Iterator[tuple[Chunk, list[float]]]:
    """The chunks of a document and their vectors, from its artifacts."""
    states = pipeline.ledger.stage_states([key])
    data = {name: pipeline.artifacts.load(name, key, states[key, name].fingerprint) for name in (StageName.CHUNKS, StageName.EMBEDDINGS)}
    chunks = ChunkedDocument.from_bytes(data[StageName.CHUNKS]).chunks
    vectors = EmbeddedDocument.from_bytes(data[StageName.EMBEDDINGS]).vectors
    yield from zip(chunks, vectors.tolist(), strict=True)
