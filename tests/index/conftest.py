"""The engines that must behave alike."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from qdrant_client import QdrantClient

from docpipe.index import Index
from docpipe.index.collection import Collection
from docpipe.index.edge import EdgeIndex
from docpipe.index.server import ServerIndex
from tests.index.entries import COLLECTION

Open = Callable[..., Index]
"""Opens the same collection anew on every call; the one before has to be closed."""


@pytest.fixture(params=["edge", "local client", "server"])
def open_engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    if request.param == "edge":
        yield lambda collection=COLLECTION: EdgeIndex(tmp_path / "index", collection, 1.0)
    elif request.param == "local client":
        yield lambda collection=COLLECTION: ServerIndex(QdrantClient(path=str(tmp_path / "local")), collection, "here")
    else:
        yield from _on_server()


def _on_server() -> Iterator[Open]:
    url = os.environ.get("QDRANT_TEST_URL")
    if not url:
        pytest.skip("QDRANT_TEST_URL names no Qdrant server")
    name = f"test-{uuid.uuid4().hex}"

    def open_collection(collection: Collection = COLLECTION) -> Index:
        return ServerIndex(QdrantClient(url=url), replace(collection, name=name), url)

    yield open_collection
    QdrantClient(url=url).delete_collection(name)
