"""Writes one collection on a server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain, islice

from qdrant_client import QdrantClient, models

from docpipe.errors import PermanentError
from docpipe.index.collection import DENSE, SPARSE, Collection
from docpipe.index.contract import Entry
from docpipe.index.point import StoredPoint, point_slices
from docpipe.index.server.collection import ServerCollection
from docpipe.index.server.condition import any_of, equals
from docpipe.index.server.creation import make_ready
from docpipe.index.server.head import HEAD, REVISION, head_id, head_point, passage_point, revision_of

UPSERTS_AT_ONCE = 4
POINTS_A_REQUEST = 250
"""What Qdrant's guide to bulk uploads advises: 64 to 256 points a request, 2 to 4 requests at a time."""
DOCUMENTS_A_REQUEST = 100
"""Documents deleted or replaced together: as many as a killed call leaves dead points of."""


class ServerWriter:
    """Stores and removes whole documents; several processes may do so at once, if not with the same document."""

    def __init__(self, client: QdrantClient, collection: Collection, where: str, upserts_at_once: int = UPSERTS_AT_ONCE) -> None:
        """Write to the collection through `client`, which `close` closes; `where` names the server in messages.

        The first `replace` creates the collection. Raises `IndexUnavailable`, `IndexTooNew`, and `ConfigurationError` for a
        collection that was made for something else.
        """
        self._stored = ServerCollection(client, collection, where)
        self._client = client
        self._upserts_at_once = upserts_at_once
        self._ready = False
        """Whether this process has made sure of the collection, its payload indexes and its alias."""

    def replace(self, entries: Sequence[Entry]) -> None:
        """Write the new points, then switch the heads to them, then delete the old ones.

        Killed before the switch, the old points are what is found; after it, the new ones. The next call deletes the rest.
        """
        slices = point_slices(entries, self._stored.collection.dimension)
        # The first slice comes after every vector was checked.
        first = next(slices, None)
        if first is None and not self._stored.exists():
            return
        self._make_ready()
        revisions = {entry.key: revision_of(entry) for entry in entries}
        try:
            self._upsert(chain([first] if first else [], slices), revisions)
        except PermanentError:
            # Whoever made the collection anew for something else is to blame, and not the document.
            self._stored.look()
            raise
        remaining = iter(entries)
        while some := list(islice(remaining, DOCUMENTS_A_REQUEST)):
            self._switch(some, revisions)
            self._delete(_other_writings(some, revisions))

    def delete(self, keys: Sequence[str], keep: Mapping[str, int] | None = None) -> None:
        """Take the heads away, which hides the documents, then the points."""
        remaining = iter(keys)
        while self._stored.exists() and (some := list(islice(remaining, DOCUMENTS_A_REQUEST))):
            self._delete(_unwanted(HEAD, some, keep or {}))
            self._delete(_unwanted("key", some, keep or {}))

    def close(self) -> None:
        self._client.close()

    def _make_ready(self) -> None:
        if not self._ready:
            with self._stored.preparations():
                make_ready(self._stored)
            self._ready = True

    def _upsert(self, slices: Iterator[list[StoredPoint]], revisions: Mapping[str, int]) -> None:
        """Send the points, several requests at a time; the terms of the next slice are made while one is under way."""
        with ThreadPoolExecutor(self._upserts_at_once) as pool:
            under_way: list[Future[None]] = []
            try:
                for points in slices:
                    made = (passage_point(point, revisions[point.payload["key"]], DENSE, SPARSE) for point in points)
                    begun = [pool.submit(self._send, some) for some in iter(lambda: list(islice(made, POINTS_A_REQUEST)), [])]  # noqa: B023
                    for one in under_way:
                        one.result()
                    under_way = begun
                for one in under_way:
                    one.result()
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise

    def _send(self, points: list[models.PointStruct]) -> None:
        with self._stored.requests():
            self._client.upsert(self._stored.name, points, wait=True)

    def _switch(self, entries: Sequence[Entry], revisions: Mapping[str, int]) -> None:
        heads = [head_point(entry, revisions[entry.key]) for entry in entries if entry.passages]
        if heads:
            self._send(heads)
        emptied: list[models.ExtendedPointId] = [head_id(entry.key) for entry in entries if not entry.passages]
        if emptied:
            self._delete(models.PointIdsList(points=emptied))

    def _delete(self, points: models.PointIdsList | models.FilterSelector) -> None:
        with self._stored.requests():
            self._client.delete(self._stored.name, points, wait=True)


def _other_writings(entries: Sequence[Entry], revisions: Mapping[str, int]) -> models.FilterSelector:
    stale: list[models.Condition] = []
    for entry in entries:
        believed: list[models.Condition] = [equals(REVISION, revisions[entry.key])] if entry.passages else []
        stale.append(models.Filter(must=[equals("key", entry.key)], must_not=believed or None))
    return models.FilterSelector(filter=models.Filter(should=stale))


def _unwanted(field: str, keys: Sequence[str], keep: Mapping[str, int]) -> models.FilterSelector:
    """The points whose `field` names these documents, but for those of the generations that are kept and of newer ones."""
    whole = [key for key in keys if key not in keep]
    conditions: list[models.Condition] = [models.Filter(must=[any_of(field, whole)])] if whole else []
    for key, kept in ((key, keep[key]) for key in keys if key in keep):
        rightful = models.FieldCondition(key="generation", range=models.Range(gte=kept))
        conditions.append(models.Filter(must=[equals(field, key)], must_not=[rightful]))
    return models.FilterSelector(filter=models.Filter(should=conditions))
