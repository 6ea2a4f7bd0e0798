"""The embedded engine: Qdrant Edge, in this process."""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import cast

import numpy as np
import qdrant_edge as edge
from numpy.typing import NDArray

from docpipe.errors import ConfigurationError, DocpipeError, IndexFull, IndexUnavailable
from docpipe.index.collection import DENSE, INTEGER_FIELDS, KEYWORD_FIELDS, SPARSE, Collection
from docpipe.index.contract import PREFETCH, RRF_K, Entry, Match, Selection
from docpipe.index.lock import acquire
from docpipe.index.point import StoredPoint, point_slices
from docpipe.index.sparse import query_terms
from docpipe.settings import MEBIBYTE

RESERVE_BYTES = 256 * MEBIBYTE
"""Room that must be left on the disk before anything is written: the engine maps its files into memory, so a full disk
does not raise an error there, it kills the process (SIGBUS). A slice of points takes about 10 MB, a new log file 32 MB."""

_KEYS_AT_ONCE = 500
_SCROLL_POINTS = 10_000

log = logging.getLogger(__name__)


class EdgeIndex:
    """One collection in a folder, owned by this process from opening to closing."""

    def __init__(self, folder: Path, collection: Collection, wait: float) -> None:
        """Open the collection, waiting up to `wait` seconds for another owner; raises `IndexLocked`.

        The first `replace` creates it: opening it to look leaves no more than a lock file.
        """
        self._folder = folder
        self._collection = collection
        self._changed = False
        try:
            self._lock = acquire(folder / "owner.lock", wait)
        except OSError as error:
            raise ConfigurationError(
                f"the index folder {folder} cannot be used ({error.strerror}): allow this user to write there"
            ) from error
        try:
            self._shard = self._load()
        except BaseException:
            self._lock.release()
            raise

    def replace(self, entries: Sequence[Entry]) -> None:
        slices = point_slices(entries, self._collection.dimension)
        # The first slice comes after every vector was checked.
        first = next(slices, None)
        if first is None and self._shard is None:
            return
        self._check_space()
        shard = self._shard = self._shard or self._create()
        self._changed = True
        with self._engine():
            while first:
                shard.update(edge.UpdateOperation.upsert_points([_point(point) for point in first]))
                self._check_space()
                first = next(slices, None)
            self._delete_stale(shard, entries)
            shard.flush()

    def delete(self, keys: Sequence[str], keep: Mapping[str, int] | None = None) -> None:
        if self._shard is None:
            return
        self._check_space()
        self._changed = True
        remaining = iter(keys)
        with self._engine():
            while some := list(islice(remaining, _KEYS_AT_ONCE)):
                self._shard.update(edge.UpdateOperation.delete_points_by_filter(_unwanted(some, keep or {})))
            self._shard.flush()

    def search(self, vector: NDArray[np.float32], text: str, limit: int, selection: Selection) -> list[Match]:
        if self._shard is None:
            return []
        only = edge.Filter(must=[_any(field, list(values)) for field, values in selection.fields.items()]) if selection.fields else None
        wide = max(PREFETCH, limit)
        searches = [edge.Prefetch(limit=wide, query=edge.Query.Nearest(vector.tolist(), using=DENSE), filter=only)]
        terms = query_terms(text)
        if terms.indices:
            sparse = edge.SparseVector(terms.indices, terms.values)
            searches.append(edge.Prefetch(limit=wide, query=edge.Query.Nearest(sparse, using=SPARSE), filter=only))
        # The type stubs do not say that this is a Fusion.
        fusion = cast("edge.Fusion", edge.Fusion.Rrf(k=RRF_K))
        request = edge.QueryRequest(limit=limit, prefetches=searches, query=fusion, with_payload=True)
        with self._engine():
            return [Match(point.score, point.payload or {}) for point in self._shard.query(request)]

    def inventory(self) -> Iterator[tuple[str, int, int]]:
        points: Counter[tuple[str, int]] = Counter()
        offset = None
        while self._shard is not None:
            request = edge.ScrollRequest(limit=_SCROLL_POINTS, offset=offset, with_payload=["key", "generation"], with_vector=False)
            with self._engine():
                page, offset = self._shard.scroll(request)
            points.update(
                (str(payload.get("key", "")), int(payload.get("generation", 0))) for payload in (one.payload or {} for one in page)
            )
            if offset is None:
                break
        yield from ((key, generation, count) for (key, generation), count in points.items())

    def close(self) -> None:
        """Build the graph for what has grown past the engine's threshold, then let go; a second call does nothing."""
        shard, self._shard = self._shard, None
        try:
            if shard is not None:
                if self._changed:
                    self._optimize(shard)
                with self._engine():
                    shard.close()
        finally:
            self._lock.release()

    def _load(self) -> edge.EdgeShard | None:
        record = self._folder / "collection.json"
        if not record.exists():
            if self._shard_folder.exists():
                raise ConfigurationError(f"{record} is missing: put it back, or delete {self._folder}, then `docpipe check --repair`")
            return None
        try:
            self._collection.check(json.loads(record.read_bytes()))
        except (ValueError, AttributeError) as error:
            raise ConfigurationError(f"{record} is damaged: delete {self._folder}, then `docpipe check --repair`") from error
        if not self._shard_folder.exists():
            return None
        with self._engine():
            return edge.EdgeShard.load(str(self._shard_folder))

    @property
    def _shard_folder(self) -> Path:
        return self._folder / "shard"

    def _create(self) -> edge.EdgeShard:
        """Create under another name and rename: a shard folder, once there, is complete."""
        record, begun = self._folder / "collection.json", self._folder / "shard.new"
        with self._engine():
            shutil.rmtree(begun, ignore_errors=True)
            config = edge.EdgeConfig(
                vectors={DENSE: edge.EdgeVectorParams(size=self._collection.dimension, distance=edge.Distance.Cosine)},
                sparse_vectors={SPARSE: edge.EdgeSparseVectorParams(modifier=edge.Modifier.Idf)},
                wal_enabled=True,
            )
            shard = edge.EdgeShard.create(str(begun), config)
            kinds = dict.fromkeys(KEYWORD_FIELDS, edge.PayloadSchemaType.Keyword) | dict.fromkeys(
                INTEGER_FIELDS, edge.PayloadSchemaType.Integer
            )
            for field, kind in kinds.items():
                shard.update(edge.UpdateOperation.create_field_index(field, kind))
            shard.flush()
            shard.close()
            written = record.with_suffix(".new")
            with written.open("w") as file:
                json.dump(dict(self._collection.record), file)
                file.flush()
                os.fsync(file.fileno())
            written.replace(record)
            begun.rename(self._shard_folder)
            return edge.EdgeShard.load(str(self._shard_folder))

    def _delete_stale(self, shard: edge.EdgeShard, entries: Sequence[Entry]) -> None:
        stale: list[edge.Filter] = []
        for entry in entries:
            key, generation = _is("key", entry.key), _is("generation", entry.generation)
            surplus = edge.FieldCondition(key="chunk", range=edge.RangeFloat(gte=float(len(entry.passages))))
            stale += [edge.Filter(must=[key], must_not=[generation]), edge.Filter(must=[key, generation, surplus])]
        if stale:
            shard.update(edge.UpdateOperation.delete_points_by_filter(edge.Filter(should=list(stale))))

    def _optimize(self, shard: edge.EdgeShard) -> None:
        # A segment is written anew beside the old one. What is stored does not depend on this, only how fast it is found.
        size = sum(file.stat().st_blocks * 512 for file in self._shard_folder.rglob("*") if file.is_file())
        if shutil.disk_usage(self._folder).free < size + RESERVE_BYTES:
            log.warning("no room to optimize the index %s: searches stay slow until the disk has space", self._folder)
            return
        try:
            with self._engine():
                shard.optimize()
                shard.flush()
        except IndexUnavailable:
            log.warning("the index %s could not be optimized: searches stay slow until the next write", self._folder, exc_info=True)

    def _check_space(self) -> None:
        free = shutil.disk_usage(self._folder).free
        if free < RESERVE_BYTES:
            needed = RESERVE_BYTES // MEBIBYTE
            raise IndexFull(
                f"the disk of the index {self._folder} has {free // MEBIBYTE} MiB left and needs {needed}: free space and run again"
            )

    @contextmanager
    def _engine(self) -> Iterator[None]:
        """Give the engine's errors, all of them plain `Exception` or a panic, a class that decides policy."""
        try:
            yield
        except DocpipeError:
            raise
        except BaseException as error:
            if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
                raise
            advice = f"run again; if it fails again, delete {self._folder}, then `docpipe check --repair`"
            raise IndexUnavailable(f"the embedded index failed ({error}): {advice}") from error


def _point(point: StoredPoint) -> edge.Point:
    return edge.Point(point.id, {DENSE: point.vector, SPARSE: edge.SparseVector(point.terms.indices, point.terms.values)}, point.payload)  # type: ignore[dict-item]


def _unwanted(keys: Sequence[str], keep: Mapping[str, int]) -> edge.Filter:
    """The points of these documents, but for those of the generations that are kept and of newer ones."""
    whole = [key for key in keys if key not in keep]
    conditions: list[edge.Filter] = [edge.Filter(must=[_any("key", whole)])] if whole else []
    for key, kept in ((key, keep[key]) for key in keys if key in keep):
        rightful = edge.FieldCondition(key="generation", range=edge.RangeFloat(gte=float(kept)))
        conditions.append(edge.Filter(must=[_is("key", key)], must_not=[rightful]))
    return edge.Filter(should=list(conditions))


def _is(field: str, value: str | int) -> edge.FieldCondition:
    return edge.FieldCondition(key=field, match=edge.MatchValue(value))


def _any(field: str, values: Sequence[str]) -> edge.FieldCondition:
    return edge.FieldCondition(key=field, match=edge.MatchAny(list(values)))
