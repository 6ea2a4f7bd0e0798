"""The engines that must behave alike."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from qdrant_client import QdrantClient

from docpipe.index import Catalog, Collection, IndexReader, IndexWriter
from docpipe.index.edge import EdgeCatalog, EdgeReader, EdgeWriter
from docpipe.index.server import ServerCatalog, ServerReader, ServerWriter
from tests.index.entries import COLLECTION
from tests.index.http_server import QdrantServer


@dataclass(frozen=True)
class Engine:
    """One place for collections; everything that it opens is closed by the test."""

    collection: Collection
    open_writer: Callable[[Collection], IndexWriter]
    open_reader: Callable[[Collection], IndexReader]
    open_catalog: Callable[[], Catalog]

    def writer(self, collection: Collection | None = None) -> AbstractContextManager[IndexWriter]:
        return closing(self.open_writer(collection or self.collection))

    def reader(self, collection: Collection | None = None) -> AbstractContextManager[IndexReader]:
        return closing(self.open_reader(collection or self.collection))

    def catalog(self) -> AbstractContextManager[Catalog]:
        return closing(self.open_catalog())


@pytest.fixture(params=["edge", "local mode", "server"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    if request.param == "edge":
        yield embedded(tmp_path / "index")
    elif request.param == "local mode":
        with QdrantServer().running() as server:
            yield on_server(server.url, COLLECTION)
    else:
        yield from _on_given_server()


def embedded(root: Path) -> Engine:
    return Engine(
        COLLECTION,
        lambda collection: EdgeWriter(root / collection.name, collection, 1.0),
        lambda collection: EdgeReader(root / collection.name, collection),
        lambda: EdgeCatalog(root, COLLECTION.alias),
    )


def on_server(url: str, collection: Collection) -> Engine:
    return Engine(
        collection,
        lambda collection: ServerWriter(_client(url), collection, url),
        lambda collection: ServerReader(_client(url), collection, url),
        lambda: ServerCatalog(_client(url), collection.alias, url, pause=0.01),
    )


def _client(url: str) -> QdrantClient:
    return QdrantClient(url=url, check_compatibility=False)


def _on_given_server() -> Iterator[Engine]:
    url = os.environ.get("QDRANT_TEST_URL")
    if not url:
        pytest.skip("QDRANT_TEST_URL names no Qdrant server")
    alias = f"test{uuid.uuid4().hex}"
    yield on_server(url, replace(COLLECTION, alias=alias))
    with closing(_client(url)) as client:
        for one in client.get_collections().collections:
            if one.name.startswith(f"{alias}-"):
                client.delete_collection(one.name)
