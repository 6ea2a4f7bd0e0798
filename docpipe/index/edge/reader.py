"""Searching with the embedded engine."""

from __future__ import annotations

import logging
import math
import os
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from weakref import WeakSet

import numpy as np
import qdrant_edge as edge
from numpy.typing import NDArray

from docpipe.errors import DocpipeError, EmbeddingInvalid, IndexLocked, IndexUnavailable
from docpipe.index.collection import Collection
from docpipe.index.contract import Fusion, Match, Selection
from docpipe.index.edge.engine import engine
from docpipe.index.edge.generation import Generation, open_generation
from docpipe.index.edge.journal import Journal
from docpipe.index.edge.place import Place
from docpipe.index.edge.query import Query
from docpipe.index.edge.writer import EdgeWriter
from docpipe.index.point import point_id
from docpipe.index.sparse import query_terms

LOOK_SECONDS = 1.0
"""How often a reader that is used looks for a newer generation: a stat, about 2 microseconds."""
_SCROLL_POINTS = 10_000

log = logging.getLogger(__name__)

_readers: WeakSet[EdgeReader] = WeakSet()
"""Every reader of this process."""


class EdgeReader:
    """Searches what a writer showed last, in any process and any number of threads, beside a writer."""

    def __init__(self, folder: Path, collection: Collection) -> None:
        """Open what is shown; where a writer was killed and none is there now, what it had written is shown first.

        Raises `ConfigurationError` for a folder that was made for something else, `IndexUnavailable` for a damaged one.
        """
        self._place = Place(folder)
        self._collection = collection
        self._switch = threading.Lock()
        self._closed = False
        self._used: Counter[int] = Counter()
        self._looked = -math.inf
        self._seen: tuple[int, int] | None = None
        self._generation: Generation | None = None
        with engine(folder):
            if self._place.check(collection):
                self._recover()
        _readers.add(self)
        self.refresh()

    @property
    def collection(self) -> Collection:
        return self._collection

    def refresh(self) -> None:
        """Go over to the newest generation; searches do it themselves once a second, and fail for as long as it fails."""
        with self._switch, engine(self._place.folder):
            if self._closed:
                return
            if (seen := self._stamp()) != self._seen:
                if seen is None:
                    raise IndexUnavailable(f"the index {self._place.folder} was deleted while it was open: open it again")
                newest = open_generation(self._place)
                before, self._generation = self._generation, newest
                self._seen = seen
                if before is not None and not self._used[id(before)]:
                    before.close()
            self._looked = time.monotonic()

    def search(self, vector: NDArray[np.float32], text: str, limit: int, selection: Selection, fusion: Fusion = Fusion()) -> list[Match]:
        if vector.shape != (self._collection.dimension,):
            raise EmbeddingInvalid(
                f"the query's vector has the shape {vector.shape}, and the collection {self._collection.name} "
                f"{self._collection.dimension} dimensions: embed the query with {self._collection.model}"
            )
        query = Query(vector, query_terms(text), limit, selection, fusion, self._collection.quantization)
        with self._shard() as shard:
            if shard is None:
                return []
            candidates = shard.query_batch(query.candidates())
            return query.matches(shard.query(query.fused(candidates)), candidates)

    def passages(self, wanted: Sequence[tuple[str, int, int]]) -> list[Mapping[str, Any]]:
        ids: list[Any] = [point_id(*place) for place in wanted]
        with self._shard() as shard:
            found = {str(record.id): record.payload or {} for record in shard.retrieve(ids, True, False)} if shard and ids else {}
        return [found[one] for one in ids if one in found]

    def inventory(self) -> Iterator[tuple[str, int, int]]:
        points: Counter[tuple[str, int]] = Counter()
        offset = None
        with self._shard() as shard:
            while shard:
                request = edge.ScrollRequest(limit=_SCROLL_POINTS, offset=offset, with_payload=["key", "generation"], with_vector=False)
                page, offset = shard.scroll(request)
                points.update(
                    (str(payload.get("key", "")), int(payload.get("generation", 0))) for payload in (one.payload or {} for one in page)
                )
                if offset is None:
                    break
        yield from ((key, generation, count) for (key, generation), count in points.items())

    def close(self) -> None:
        """Let go of the generation once the last search in it has ended; a second call does nothing."""
        with self._switch:
            self._closed = True
            generation, self._generation = self._generation, None
            if generation is not None and not self._used[id(generation)]:
                generation.close()

    @contextmanager
    def _shard(self) -> Iterator[edge.EdgeShard | None]:
        """The shard to search, which stays open meanwhile; None where nothing was ever written."""
        if time.monotonic() - self._looked >= LOOK_SECONDS:
            self.refresh()
        with self._switch:
            if self._closed:
                raise IndexUnavailable(f"the index {self._place.folder} was closed: open it again")
            generation = self._generation
            self._used[id(generation)] += 1
        try:
            with engine(self._place.folder):
                yield generation.shard if generation else None
        finally:
            with self._switch:
                self._used[id(generation)] -= 1
                if not self._used[id(generation)]:
                    del self._used[id(generation)]
                    if generation is not None and generation is not self._generation:
                        generation.close()

    def _recover(self) -> None:
        shown = self._place.shown()
        if Journal(self._place.journal(shown.number if shown else 0)).is_empty:
            return
        try:
            EdgeWriter.recover(self._place.folder, self._collection)
        except IndexLocked:
            # A writer is there, and will show it.
            return
        except DocpipeError as error:
            log.warning("what a killed process had written to %s cannot be shown yet: %s", self._place.folder, error)

    def leave_parent(self) -> None:
        """In a forked child, begin anew: the lock may be held by a thread that stayed behind, as the shard's own did."""
        if self._generation is not None:
            self._generation.forget()
        self._switch = threading.Lock()
        self._used.clear()
        self._looked, self._seen, self._generation = -math.inf, None, None

    def _stamp(self) -> tuple[int, int] | None:
        """Another value whenever `current.json` was replaced; None where it is missing."""
        try:
            about = self._place.current.stat()
        except OSError:
            return None
        return about.st_ino, about.st_mtime_ns


def _after_fork() -> None:
    for reader in list(_readers):
        reader.leave_parent()


os.register_at_fork(after_in_child=_after_fork)
