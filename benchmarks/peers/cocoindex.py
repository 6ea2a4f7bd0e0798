"""CocoIndex: an app of its own engine, with its sentence-transformers embedder, into its Qdrant target.

From files: `localfs.walk_dir`, pypdf (its own example for PDFs asks for models that cannot be had offline) and
`RecursiveSplitter`. Its state lies in LMDB beside the store. Variants: none; it makes batches of up to 64 by itself.
"""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import cocoindex as coco
from cocoindex.connectors import localfs, qdrant
from cocoindex.ops.sentence_transformers import SentenceTransformerEmbedder
from cocoindex.ops.text import RecursiveSplitter
from cocoindex.resources.file import PatternFilePathMatcher
from cocoindex.resources.id import UuidGenerator
from pypdf import PdfReader
from qdrant_client import QdrantClient, models

from benchmarks.peers.local_store import NAME, payloads, point_id
from benchmarks.peers.peer import CHUNKS, PDF_FOLDER, Chunk, Job, Place, Stored

BYTES, OVERLAP_BYTES = 1_000, 200
"""Its splitter counts bytes; more of them would be over MiniLM's window too often in the benchmark's PDFs."""

CLIENT = coco.ContextKey[QdrantClient]("qdrant")
EMBEDDER = coco.ContextKey[SentenceTransformerEmbedder]("embedder")
_splitter = RecursiveSplitter()


class CocoIndex:
    def __init__(self, job: Job) -> None:
        self._embedder = SentenceTransformerEmbedder(job.model, device="cpu")
        self._client = QdrantClient(path=str(job.store), force_disable_check_same_thread=True)
        self._model = self._embedder._get_model()  # noqa: SLF001 - loaded on first use else, which would be timed
        self._model.encode(["warm up"])

        @coco.lifespan
        async def lifespan(builder: coco.EnvironmentBuilder) -> AsyncIterator[None]:
            builder.settings.db_path = Path(job.folder) / "cocoindex.db"
            builder.provide(CLIENT, self._client)
            builder.provide(EMBEDDER, self._embedder)
            yield

        if job.kind == CHUNKS:
            self._app = coco.App("chunks", _chunks_main, list(job.chunks()))
        else:
            self._app = coco.App("files", _files_main, Path(job.source) / PDF_FOLDER)

    def store(self) -> None:
        self._app.update_blocking()

    def stored(self) -> Iterator[Stored]:
        for payload in payloads(self._client):
            yield Stored(_place(payload), payload["text"])

    def find(self, question: str, limit: int) -> list[Place]:
        vector = self._model.encode([question], normalize_embeddings=True)[0].tolist()
        return [_place(point.payload or {}) for point in self._client.query_points(NAME, query=vector, limit=limit).points]


def open_peer(job: Job) -> CocoIndex:
    return CocoIndex(job)


async def _collection() -> qdrant.CollectionTarget:
    schema = await qdrant.CollectionSchema.create(vectors=qdrant.QdrantVectorDef(schema=EMBEDDER))
    return await qdrant.mount_collection_target(CLIENT, NAME, schema)


@coco.fn
async def _chunks_main(chunks: list[Chunk]) -> None:
    target = await _collection()
    by_document: dict[str, list[Chunk]] = {}
    for chunk in chunks:
        by_document.setdefault(chunk.key, []).append(chunk)
    await coco.mount_each(_document, by_document.items(), target)


@coco.fn(memo=True)
async def _document(chunks: list[Chunk], target: qdrant.CollectionTarget) -> None:
    await coco.map(_given_chunk, chunks, target)


@coco.fn
async def _given_chunk(chunk: Chunk, target: qdrant.CollectionTarget) -> None:
    await _declare(target, point_id(chunk), chunk.text, chunk.file, chunk.page)


@coco.fn
async def _files_main(folder: Path) -> None:
    target = await _collection()
    files = localfs.walk_dir(folder, path_matcher=PatternFilePathMatcher(included_patterns=["*.pdf"]))
    await coco.mount_each(_file, files.items(), target)


@coco.fn(memo=True)
async def _file(file: localfs.File, target: qdrant.CollectionTarget) -> None:
    ids = UuidGenerator()
    name = file.file_path.path.name
    for number, page in enumerate(PdfReader(io.BytesIO(await file.read())).pages, 1):
        pieces = _splitter.split(page.extract_text(), chunk_size=BYTES, chunk_overlap=OVERLAP_BYTES)
        await coco.map(_piece, [piece.text for piece in pieces], name, number, ids, target)


@coco.fn
async def _piece(text: str, name: str, page: int, ids: UuidGenerator, target: qdrant.CollectionTarget) -> None:
    await _declare(target, str(ids.next_uuid(text)), text, name, page)


async def _declare(target: qdrant.CollectionTarget, point: str, text: str, file: str, page: int) -> None:
    vector = await coco.use_context(EMBEDDER).embed(text)
    target.declare_point(models.PointStruct(id=point, vector=vector.tolist(), payload={"text": text, "file": file, "page": page}))


def _place(payload: dict[str, Any]) -> Place:
    return Place(payload["file"], payload["page"])
