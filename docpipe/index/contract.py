"""The contract of a vector index: what is stored, and the same methods on every engine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

PREFETCH = 50
"""Candidates that the dense and the sparse search each bring to the fusion."""
RRF_K = 60
"""Constant of reciprocal rank fusion; Cormack, Clarke and Büttcher, SIGIR 2009."""


@dataclass(frozen=True, slots=True)
class Passage:
    """One point to store."""

    chunk: int
    """The chunk's index; with key and generation it makes the point's id."""
    text: str
    """What the sparse terms are taken from."""
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """Everything the index shall hold of one document; no passages: nothing."""

    key: str
    generation: int
    payload: Mapping[str, Any]
    """Stored with every passage."""
    passages: Sequence[Passage] = ()
    """Their chunk numbers count from 0 without gaps."""
    vectors: NDArray[np.float32] | None = None
    """(passages, dimension); None where there are no passages."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which points a search looks at; an empty field does not restrict it."""

    keys: tuple[str, ...] = ()
    document_classes: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()

    @property
    def fields(self) -> Mapping[str, tuple[str, ...]]:
        """Allowed values by payload field, restrictions only."""
        every = {"key": self.keys, "document_class": self.document_classes, "language": self.languages}
        return {field: values for field, values in every.items() if values}


@dataclass(frozen=True, slots=True)
class Match:
    """A point that a search found."""

    score: float
    """Of the fusion; comparable within one search only."""
    payload: Mapping[str, Any]


class IndexWriter(Protocol):
    """Stores and removes whole documents; what a method did is on disk when it returns."""

    def replace(self, entries: Sequence[Entry]) -> None:
        """Make the index hold exactly these points of these documents.

        New points are written first, then points of other generations and surplus points of this one are deleted: no
        document is ever absent, and a call that was killed between the two heals when it is made again.
        Raises `EmbeddingInvalid` before anything is written, `IndexUnavailable`, `IndexFull`.
        """

    def delete(self, keys: Sequence[str], keep: Mapping[str, int] | None = None) -> None:
        """Remove the points of these documents; unknown keys are fine.

        Of a document in `keep` the points of this generation and of newer ones stay: somebody may be writing them.
        """

    def close(self) -> None:
        """Let go of the index."""


class IndexReader(Protocol):
    """Looks into the index; a collection that was never written to is empty."""

    def search(self, vector: NDArray[np.float32], text: str, limit: int, selection: Selection) -> list[Match]:
        """Find the nearest points by vector and by terms, fused by reciprocal rank; best first."""

    def inventory(self) -> Iterator[tuple[str, int, int]]:
        """Yield key, generation and number of points for everything stored; memory grows with documents, not with points."""

    def close(self) -> None:
        """Let go of the index."""


class Index(IndexWriter, IndexReader, Protocol):
    """Both; what an engine implements."""
