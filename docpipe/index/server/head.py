"""Which writing of a document readers believe.

Qdrant makes each point visible on its own, so a document of many points cannot be replaced in one step. Its head can: a
point without vectors, which no search finds, with the revision that the document's points carry. Points of any other
revision are about to be believed, or about to be deleted.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

from qdrant_client import models

from docpipe.index.contract import Entry
from docpipe.index.point import StoredPoint

HEAD = "head"
"""Payload field of a head alone: the document's key, which in `key` would make it one of the document's passages."""
REVISION = "revision"
"""Payload field of heads and passages."""
SINCE = "since"
"""Payload field of a head: when it was written, in seconds since 1970 by the writer's clock."""

_NAMESPACE = UUID("c8d1e1d0-5a0b-5f64-9d0a-6f0f0a1c7b52")
"""Drawn once; changing it would orphan every head."""
_REVISION_BYTES = 6
"""Below 2**53, so that nothing that reads JSON rounds it."""


@dataclass(frozen=True, slots=True)
class Head:
    """What a document's head says."""

    revision: int
    since: float
    """Seconds since 1970 by the writer's clock."""


def revision_of(entry: Entry) -> int:
    """Return what tells this writing of a document from any other: a hash of all that is stored.

    The same content has the same revision, so writing it twice is writing it once.
    """
    passages = [[passage.chunk, passage.text, dict(passage.payload)] for passage in entry.passages]
    hashed = hashlib.sha256(json.dumps([entry.generation, dict(entry.payload), passages], sort_keys=True).encode())
    if entry.vectors is not None:
        hashed.update(entry.vectors.tobytes())
    return int.from_bytes(hashed.digest()[:_REVISION_BYTES], "big")


def head_id(key: str) -> str:
    return str(uuid5(_NAMESPACE, key))


def passage_id(point: str, revision: int) -> str:
    """The id of a point in one writing: the writings of one generation stand beside each other until the head decides."""
    return str(uuid5(UUID(point), str(revision)))


def head_point(entry: Entry, revision: int) -> models.PointStruct:
    payload = {HEAD: entry.key, "generation": entry.generation, REVISION: revision, SINCE: time.time()}
    return models.PointStruct(id=head_id(entry.key), vector={}, payload=payload)


def passage_point(point: StoredPoint, revision: int, dense: str, sparse: str) -> models.PointStruct:
    terms = models.SparseVector(indices=point.terms.indices, values=point.terms.values)
    return models.PointStruct(
        id=passage_id(point.id, revision),
        vector={dense: point.vector.tolist(), sparse: terms},
        payload={**point.payload, REVISION: revision},
    )


def stored_payload(payload: Mapping[str, Any] | None) -> dict[str, Any]:
    """The payload as it was given to the writer."""
    return {name: value for name, value in (payload or {}).items() if name != REVISION}


def heads_of(points: Sequence[models.Record]) -> dict[str, Head]:
    """Heads by key; raises `ValueError` for a point that is none."""
    payloads = (point.payload or {} for point in points)
    try:
        return {str(payload[HEAD]): Head(int(payload[REVISION]), float(payload[SINCE])) for payload in payloads}
    except (KeyError, TypeError) as error:
        raise ValueError("a point that should say which version of a document is searched does not") from error
