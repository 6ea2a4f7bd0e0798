"""Haystack: its sentence-transformers embedder and `DocumentWriter` into its Qdrant store; `PyPDFToDocument` and
`DocumentSplitter` before them for files.

Variants: empty for its defaults (32 texts a batch), `batch N`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from haystack import Document, Pipeline
from haystack.components.converters import PyPDFToDocument
from haystack.components.preprocessors import DocumentSplitter
from haystack.components.writers import DocumentWriter
from haystack.document_stores.types import DuplicatePolicy
from haystack_integrations.components.embedders.sentence_transformers import (
    SentenceTransformersDocumentEmbedder,
    SentenceTransformersTextEmbedder,
)
from haystack_integrations.components.retrievers.qdrant import QdrantEmbeddingRetriever
from haystack_integrations.document_stores.qdrant import QdrantDocumentStore

from benchmarks.peers.local_store import DIMENSION, NAME
from benchmarks.peers.peer import CHUNKS, Job, Place, Stored, place_of

WORDS = 150
OVERLAP_WORDS = 30
"""Its splitter counts words; more of them would be over MiniLM's window too often in the benchmark's PDFs."""


class Haystack:
    def __init__(self, job: Job) -> None:
        self._job = job
        self._store = QdrantDocumentStore(path=str(job.store), index=NAME, embedding_dim=DIMENSION, similarity="cosine")
        self._embedder = SentenceTransformersDocumentEmbedder(model=job.model, progress_bar=False, **job.batch)
        self._asker = SentenceTransformersTextEmbedder(model=job.model, progress_bar=False)
        self._retriever = QdrantEmbeddingRetriever(document_store=self._store)
        self._embedder.warm_up()
        self._embedder.run(documents=[Document(content="warm up")])
        self._documents = [
            Document(content=chunk.text, meta={"file_path": chunk.file, "page_number": chunk.page, "number": chunk.number})
            for chunk in (job.chunks() if job.kind == CHUNKS else ())
        ]
        self._pipeline = _pipeline(job, self._embedder, self._store)

    def store(self) -> None:
        if self._job.kind == CHUNKS:
            self._pipeline.run({"embed": {"documents": self._documents}})
        else:
            self._pipeline.run({"read": {"sources": self._job.pdfs}})

    def stored(self) -> Iterator[Stored]:
        for document in self._store.filter_documents():
            yield Stored(_place(document.meta), document.content or "")

    def find(self, question: str, limit: int) -> list[Place]:
        self._asker.warm_up()
        embedding = self._asker.run(text=question)["embedding"]
        found = self._retriever.run(query_embedding=embedding, top_k=limit)["documents"]
        return [_place(document.meta) for document in found]


def open_peer(job: Job) -> Haystack:
    return Haystack(job)


def _pipeline(job: Job, embedder: SentenceTransformersDocumentEmbedder, store: QdrantDocumentStore) -> Pipeline:
    pipeline = Pipeline()
    pipeline.add_component("embed", embedder)
    pipeline.add_component("write", DocumentWriter(store, policy=DuplicatePolicy.OVERWRITE))
    pipeline.connect("embed.documents", "write.documents")
    if job.kind != CHUNKS:
        pipeline.add_component("read", PyPDFToDocument())
        pipeline.add_component("split", DocumentSplitter(split_by="word", split_length=WORDS, split_overlap=OVERLAP_WORDS))
        pipeline.connect("read.documents", "split.documents")
        pipeline.connect("split.documents", "embed.documents")
    return pipeline


def _place(meta: dict[str, Any]) -> Place:
    return place_of(meta, int(meta.get("page_number") or 0))
