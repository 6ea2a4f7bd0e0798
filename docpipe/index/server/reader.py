"""Searches one collection on a server."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qdrant_client import QdrantClient, models

from docpipe.index.collection import Collection
from docpipe.index.contract import Fusion, Match, Selection
from docpipe.index.point import point_id
from docpipe.index.server.collection import ServerCollection
from docpipe.index.server.condition import HEADS, PASSAGES
from docpipe.index.server.head import HEAD, Head, head_id, heads_of, passage_id, stored_payload
from docpipe.index.server.query import Answer, Query
from docpipe.index.sparse import query_terms

MOST_ROUNDS = 8
"""A third needs another document to change between two requests of one search."""
SETTLED_SECONDS = 60.0
"""A head that was written earlier than this before a query was there when it began: more than clocks and requests differ by."""

_SCROLL_POINTS = 5_000


class ServerReader:
    """Looks into one collection while others write to it; sees every change as soon as the writer's method has returned."""

    def __init__(self, client: QdrantClient, collection: Collection, where: str) -> None:
        """Look at the collection through `client`, which `close` closes; `where` names the server in messages.

        Raises `IndexUnavailable`, `IndexTooNew`, and `ConfigurationError` for a collection that was made for something else.
        """
        self._stored = ServerCollection(client, collection, where)
        self._client = client

    @property
    def collection(self) -> Collection:
        return self._stored.collection

    def search(self, vector: NDArray[np.float32], text: str, limit: int, selection: Selection, fusion: Fusion = Fusion()) -> list[Match]:
        """Find the nearest points of the writings that are believed.

        Candidates are compared with the heads as they are after the query. Where one belongs to another writing, where its
        head is so new that the query may have been faster than its last passages, or where a document that the query was
        restricted for has changed again, the query is repeated with what is known by then: of such a document only the
        believed writing takes part, so that dead points do not crowd out living ones. A document that changes in every one
        of `MOST_ROUNDS` rounds may be missing; none is ever shown twice.
        """
        if not self._stored.exists():
            return []
        query = Query(vector.tolist(), query_terms(text), limit, selection, fusion, self.collection.quantization)
        believed: dict[str, int | None] = {}
        for _ in range(MOST_ROUNDS):
            settled = time.time() - SETTLED_SECONDS
            answer = self._ask(query, believed)
            heads = self._heads({*answer.keys, *believed})
            revisions = {key: head.revision for key, head in heads.items()}
            moved = {key for key, revision in answer.writings if revisions.get(key) != revision}
            fresh = {key for key in answer.keys - believed.keys() if key in heads and heads[key].since > settled}
            changed = {key for key, revision in believed.items() if revision is not None and revisions.get(key) != revision}
            if not (moved or fresh or changed):
                break
            believed |= {key: revisions.get(key) for key in moved | fresh | changed}
        return answer.matches(revisions)

    def passages(self, wanted: Sequence[tuple[str, int, int]]) -> list[Mapping[str, Any]]:
        if not wanted or not self._stored.exists():
            return []
        heads = self._heads({key for key, _, _ in wanted})
        ids = [passage_id(point_id(*one), heads[one[0]].revision) for one in wanted if one[0] in heads]
        with self._stored.requests():
            found = {str(point.id): point for point in self._client.retrieve(self._stored.name, ids, with_payload=True)}
        return [stored_payload(found[one].payload) for one in ids if one in found]

    def inventory(self) -> Iterator[tuple[str, int, int]]:
        """Yield key, generation and number of points for everything stored; of a document without a head 0 points.

        No search finds such a document: it is just written for the first time, or a call was killed or its head deleted.
        Memory is about 200 bytes a document.
        """
        if not self._stored.exists():
            return
        headed = {_payload(point).get(HEAD) for page in self._pages(HEADS, [HEAD]) for point in page}
        points: Counter[tuple[str, int]] = Counter()
        for page in self._pages(PASSAGES, ["key", "generation"]):
            with self._stored.requests():
                points.update((str(payload.get("key", "")), int(payload.get("generation", 0))) for payload in map(_payload, page))
        yield from ((key, generation, count if key in headed else 0) for (key, generation), count in points.items())

    def close(self) -> None:
        self._client.close()

    def _ask(self, query: Query, believed: Mapping[str, int | None]) -> Answer:
        with self._stored.requests():
            return query.answer(self._client.query_batch_points(self._stored.name, query.requests(believed)))

    def _heads(self, keys: Iterable[str]) -> dict[str, Head]:
        """The heads of these documents that have one."""
        ids = [head_id(key) for key in keys]
        if not ids:
            return {}
        with self._stored.requests():
            return heads_of(self._client.retrieve(self._stored.name, ids, with_payload=True))

    def _pages(self, only: models.Filter, fields: list[str]) -> Iterator[list[models.Record]]:
        offset: models.ExtendedPointId | None = None
        while True:
            with self._stored.requests():
                page, offset = self._client.scroll(
                    self._stored.name, only, limit=_SCROLL_POINTS, offset=offset, with_payload=fields, with_vectors=False
                )
            yield page
            if offset is None:
                return


def _payload(point: models.Record) -> models.Payload:
    return point.payload or {}
