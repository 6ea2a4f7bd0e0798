"""A point as every engine stores it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

import numpy as np
from numpy.typing import NDArray

from docpipe.embed.vectors import unit_vectors
from docpipe.errors import EmbeddingInvalid
from docpipe.index.contract import Entry
from docpipe.index.sparse import Terms, document_terms

_NAMESPACE = UUID("6f2b7c52-3f0e-5d0a-9a53-0d4f3c1b7a11")
"""Drawn once; changing it would orphan every stored point."""

UPSERT_POINTS = 1_000
"""Points written together: about 10 MB."""


@dataclass(frozen=True, slots=True)
class StoredPoint:
    """One point, complete."""

    id: str
    vector: NDArray[np.float32]
    terms: Terms
    payload: dict[str, Any]


def point_id(key: str, generation: int, chunk: int) -> str:
    """The same chunk of the same generation always has the same id, so that writing it twice is writing it once."""
    return str(uuid5(_NAMESPACE, f"{key}\n{generation}\n{chunk}"))


def point_slices(entries: Sequence[Entry], dimension: int) -> Iterator[list[StoredPoint]]:
    """All points of some entries in slices of `UPSERT_POINTS`, made as they are asked for.

    Every vector is checked before the first slice is made: raises `EmbeddingInvalid`, and `ValueError` for a document that is
    given twice, of which either writing would delete the other.
    """
    if len({entry.key for entry in entries}) < len(entries):
        raise ValueError("a document is written twice in one call")
    checked = [(entry, _vectors(entry, dimension)) for entry in entries]
    pending: list[StoredPoint] = []
    for entry, vectors in checked:
        for passage, vector in zip(entry.passages, vectors, strict=True):
            payload = {**entry.payload, **passage.payload, "key": entry.key, "generation": entry.generation, "chunk": passage.chunk}
            pending.append(StoredPoint(point_id(entry.key, entry.generation, passage.chunk), vector, document_terms(passage.text), payload))
            if len(pending) == UPSERT_POINTS:
                yield pending
                pending = []
    if pending:
        yield pending


def _vectors(entry: Entry, dimension: int) -> NDArray[np.float32]:
    vectors = np.empty((0, dimension), dtype=np.float32) if entry.vectors is None else entry.vectors
    try:
        return unit_vectors(vectors, len(entry.passages), dimension)
    except EmbeddingInvalid as error:
        raise EmbeddingInvalid(f"{entry.key}: {error}") from error
