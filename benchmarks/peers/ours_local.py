"""docpipe's embeddings in the peers' store: the chunks through our stage, the points into qdrant-client's local mode."""

from __future__ import annotations

from collections.abc import Iterator

from qdrant_client import QdrantClient, models

from benchmarks.peers.local_store import DIMENSION, NAME, payloads
from benchmarks.peers.ours import Ours, embedded_chunks
from benchmarks.peers.peer import Job, Place, Stored
from docpipe.index.point import point_id
from docpipe.models import StageName


class OursLocal:
    """Only from chunks, and without questions: it shows what the engine is worth, and what the embedder."""

    def __init__(self, job: Job) -> None:
        self._ours = Ours(job)
        self._client = QdrantClient(path=str(job.store))
        self._client.create_collection(NAME, vectors_config=models.VectorParams(size=DIMENSION, distance=models.Distance.COSINE))

    def store(self) -> None:
        self._ours.run([StageName.EMBEDDINGS])
        documents = self._ours.pipeline.ledger.documents(self._ours.keys)
        for key, document in documents.items():
            points = [
                models.PointStruct(
                    id=point_id(key, document.generation, chunk.index),
                    vector=vector,
                    payload={"file_name": document.object_key, "page": next(iter(chunk.pages), 0), "text": chunk.embedding_text},
                )
                for chunk, vector in embedded_chunks(self._ours.pipeline, key)
            ]
            self._client.upsert(NAME, points)

    def stored(self) -> Iterator[Stored]:
        for payload in payloads(self._client):
            yield Stored(Place(payload["file_name"], payload["page"]), payload["text"])

    def find(self, question: str, limit: int) -> list[Place]:
        raise NotImplementedError("ask `ours`: these are its vectors")


def open_peer(job: Job) -> OursLocal:
    return OursLocal(job)
