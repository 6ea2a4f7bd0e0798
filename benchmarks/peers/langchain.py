"""LangChain: `HuggingFaceEmbeddings` into `QdrantVectorStore`; a PDF loader and `RecursiveCharacterTextSplitter` before them
for files.

Variants, separated by commas: `batch N` (sentence-transformers' own 32 else), `pymupdf` (`PyMuPDFLoader` instead of
`PyPDFLoader`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from langchain_community.document_loaders import PyMuPDFLoader, PyPDFLoader
from langchain_core.documents import Document
from langchain_huggingface import HuggingFaceEmbeddings
from langchain_qdrant import QdrantVectorStore
from langchain_text_splitters import RecursiveCharacterTextSplitter
from qdrant_client import QdrantClient, models
from transformers import AutoTokenizer

from benchmarks.peers.local_store import DIMENSION, NAME, payloads, point_id
from benchmarks.peers.peer import CHUNKS, Job, Place, Stored, place_of


class LangChain:
    def __init__(self, job: Job) -> None:
        self._job = job
        embeddings = HuggingFaceEmbeddings(
            model_name=job.model, model_kwargs={"device": "cpu"}, encode_kwargs={"normalize_embeddings": True, **job.batch}
        )
        self._client = QdrantClient(path=str(job.store))
        self._client.create_collection(NAME, vectors_config=models.VectorParams(size=DIMENSION, distance=models.Distance.COSINE))
        self._vectors = QdrantVectorStore(client=self._client, collection_name=NAME, embedding=embeddings)
        chunks = list(job.chunks()) if job.kind == CHUNKS else []
        self._ids = [point_id(chunk) for chunk in chunks]
        self._documents = [Document(page_content=chunk.text, metadata={"source": chunk.file, "page": chunk.page - 1}) for chunk in chunks]
        tokenizer = AutoTokenizer.from_pretrained(job.model)
        self._splitter = RecursiveCharacterTextSplitter.from_huggingface_tokenizer(
            tokenizer, chunk_size=job.tokens, chunk_overlap=job.overlap
        )
        embeddings.embed_query("warm up")

    def store(self) -> None:
        if self._job.kind == CHUNKS:
            self._vectors.add_documents(self._documents, ids=self._ids)
        else:
            loader = PyMuPDFLoader if self._job.variant == "pymupdf" else PyPDFLoader
            pages = [page for path in self._job.pdfs for page in loader(str(path)).load()]
            self._vectors.add_documents(self._splitter.split_documents(pages))

    def stored(self) -> Iterator[Stored]:
        for payload in payloads(self._client):
            yield Stored(_place(payload["metadata"]), payload["page_content"])

    def find(self, question: str, limit: int) -> list[Place]:
        return [_place(document.metadata) for document in self._vectors.similarity_search(question, k=limit)]


def open_peer(job: Job) -> LangChain:
    return LangChain(job)


def _place(metadata: dict[str, Any]) -> Place:
    # Its loaders count pages from 0.
    return place_of(metadata, int(metadata.get("page", -1)) + 1)
