"""The contract of a vector index: what is stored, and the same methods on every engine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from docpipe.index.collection import Collection


@dataclass(frozen=True, slots=True)
class Fusion:
    """How the search by meaning and the search by terms become one ranking."""

    candidates: int = 50
    """Passages that each of the two brings, or as many as are asked for where that is more."""
    k: int = 6
    """Constant of reciprocal rank fusion (Cormack, Clarke and Büttcher, SIGIR 2009, who took 60); 6 by `benchmarks/retrieval.py`."""
    dense: float = 2.0
    """Weight of meaning: ranks are divided by it, as Qdrant weighs them."""
    sparse: float = 1.0
    """Weight of terms."""
    breadth: int = 128
    """HNSW's `ef`: the wider, the surer and the slower."""


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
    tags: tuple[str, ...] = ()
    """Folders of the bucket: `reports` and `reports/2024` for `reports/2024/q1.pdf`."""
    since: datetime | None = None
    """The object was last modified then or later; aware."""
    before: datetime | None = None
    """The object was last modified earlier; aware."""

    @property
    def fields(self) -> Mapping[str, tuple[str, ...]]:
        """Allowed values by keyword field, restrictions only."""
        every = {"key": self.keys, "document_class": self.document_classes, "language": self.languages, "tags": self.tags}
        return {field: values for field, values in every.items() if values}


@dataclass(frozen=True, slots=True)
class Part:
    """What one of the two searches thought of a point."""

    rank: int
    """From 1."""
    score: float
    """Cosine for meaning, BM25 for terms."""


@dataclass(frozen=True, slots=True)
class Match:
    """A point that a search found."""

    score: float
    """Of the fusion; comparable within one search only."""
    payload: Mapping[str, Any]
    dense: Part | None = None
    """None where it was not among the candidates by meaning."""
    sparse: Part | None = None
    """None where it was not among the candidates by terms."""


class IndexWriter(Protocol):
    """Stores and removes whole documents; what a method did is durable when it returns."""

    def replace(self, entries: Sequence[Entry]) -> None:
        """Make the index hold exactly these points of these documents.

        New points are written first, then points of other generations and surplus points of this one are deleted. A
        reader finds the old points of a document or the new ones, never both, never neither, and a call that was killed
        in between heals when it is made again. Raises `EmbeddingInvalid` before anything is written,
        `IndexUnavailable`, `IndexFull`.
        """

    def delete(self, keys: Sequence[str], keep: Mapping[str, int] | None = None) -> None:
        """Remove the points of these documents; unknown keys are fine.

        Of a document in `keep` the points of this generation and of newer ones stay: somebody may be writing them.
        """

    def close(self) -> None:
        """Show readers what was done, and let go of the index."""


class IndexReader(Protocol):
    """Looks into one collection while others write to it; one that was never written to is empty."""

    @property
    def collection(self) -> Collection: ...

    def search(self, vector: NDArray[np.float32], text: str, limit: int, selection: Selection, fusion: Fusion = Fusion()) -> list[Match]:
        """Find the nearest points by vector and by terms, fused by weighted reciprocal rank; best first."""

    def passages(self, wanted: Sequence[tuple[str, int, int]]) -> list[Mapping[str, Any]]:
        """Return the payloads of the points with these keys, generations and chunk numbers that exist, in this order."""

    def inventory(self) -> Iterator[tuple[str, int, int]]:
        """Yield key, generation and number of points for everything stored; memory grows with documents, not with points."""

    def close(self) -> None:
        """Let go of the index."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One collection behind the alias."""

    collection: Collection
    points: int
    """As the engine estimates them; `IndexReader.inventory` counts."""
    active: bool
    """Whether searches go to it."""


class Catalog(Protocol):
    """The collections behind one alias, and which of them is searched."""

    def listed(self) -> list[Listed]:
        """Every collection of the alias, by name; raises `IndexTooNew` where one is newer than this code."""

    def activate(self, name: str) -> None:
        """Send searches to this collection from now on, in one step; what makes it fast to search is done before."""

    def drop(self, name: str) -> None:
        """Delete a collection with all its points; raises `ConfigurationError` for the one that is searched."""

    def close(self) -> None:
        """Let go of the engine."""
