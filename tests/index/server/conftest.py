"""A server on loopback for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.index.http_server import QdrantServer


@pytest.fixture
def server() -> Iterator[QdrantServer]:
    with QdrantServer().running() as made:
        yield made
