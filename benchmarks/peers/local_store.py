"""Qdrant's Python client in local mode, where the peers' users begin."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

from qdrant_client import QdrantClient

from benchmarks.peers.peer import Chunk

NAME = "chunks"
DIMENSION = 384
_AT_ONCE = 1_000


def point_id(chunk: Chunk) -> str:
    """The same for the same chunk."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{chunk.key}#{chunk.number}"))


def payloads(client: QdrantClient) -> Iterator[dict[str, Any]]:
    """The payload of every point."""
    offset = None
    while True:
        records, offset = client.scroll(NAME, limit=_AT_ONCE, offset=offset, with_payload=True)
        yield from (dict(record.payload or {}) for record in records)
        if offset is None:
            return
