"""The server engine: a Qdrant server or cluster, through its client."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice

import numpy as np
from numpy.typing import NDArray
from qdrant_client import QdrantClient, models
from qdrant_client.common.client_exceptions import ResourceExhaustedResponse
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

from docpipe.errors import ConfigurationError, DocpipeError, IndexFull, IndexUnavailable, PermanentError
from docpipe.index.collection import DENSE, INTEGER_FIELDS, KEYWORD_FIELDS, SPARSE, Collection
from docpipe.index.contract import PREFETCH, RRF_K, Entry, Match, Selection
from docpipe.index.point import StoredPoint, point_slices
from docpipe.index.sparse import query_terms

TIMEOUT_SECONDS = 60

_KEYS_AT_ONCE = 500
_SCROLL_POINTS = 5_000
_TRANSIENT_STATUSES = frozenset({408, 409, 425, 429})
_LONGEST_REASON = 300


class ServerIndex:
    """One collection on a server; several processes may use it at once."""

    def __init__(self, client: QdrantClient, collection: Collection, where: str) -> None:
        """Use the collection through `client`, which `close` closes; `where` names the server in messages.

        The first `replace` creates the collection. Raises `ConfigurationError` for one that was made for another model.
        """
        self._client = client
        self._collection = collection
        self._where = where
        self._ready = False
        """Whether this process has made sure of the collection and its payload indexes."""
        self._exists = False
        try:
            self._exists = self._check()
        except BaseException:
            client.close()
            raise

    def replace(self, entries: Sequence[Entry]) -> None:
        slices = point_slices(entries, self._collection.dimension)
        # The first slice comes after every vector was checked.
        points = next(slices, None)
        if points is None and not self._exists:
            return
        with self._server():
            self._make_ready()
            while points:
                self._client.upsert(self._collection.name, [_point(point) for point in points], wait=True)
                points = next(slices, None)
            self._delete_stale(entries)

    def delete(self, keys: Sequence[str], keep: Mapping[str, int] | None = None) -> None:
        remaining = iter(keys)
        while self._exists and (some := list(islice(remaining, _KEYS_AT_ONCE))):
            self._delete(_unwanted(some, keep or {}))

    def search(self, vector: NDArray[np.float32], text: str, limit: int, selection: Selection) -> list[Match]:
        if not self._exists:
            return []
        only = models.Filter(must=[_any(field, values) for field, values in selection.fields.items()]) if selection.fields else None
        wide = max(PREFETCH, limit)
        searches = [models.Prefetch(query=vector.tolist(), using=DENSE, limit=wide, filter=only)]
        terms = query_terms(text)
        if terms.indices:
            sparse = models.SparseVector(indices=terms.indices, values=terms.values)
            searches.append(models.Prefetch(query=sparse, using=SPARSE, limit=wide, filter=only))
        fusion = models.RrfQuery(rrf=models.Rrf(k=RRF_K))
        with self._server():
            found = self._client.query_points(self._collection.name, prefetch=searches, query=fusion, limit=limit, with_payload=True)
        return [Match(point.score, point.payload or {}) for point in found.points]

    def inventory(self) -> Iterator[tuple[str, int, int]]:
        points: Counter[tuple[str, int]] = Counter()
        offset: models.ExtendedPointId | None = None
        while self._exists:
            with self._server():
                page, offset = self._client.scroll(
                    self._collection.name, limit=_SCROLL_POINTS, offset=offset, with_payload=["key", "generation"], with_vectors=False
                )
            points.update(
                (str(payload.get("key", "")), int(payload.get("generation", 0))) for payload in (one.payload or {} for one in page)
            )
            if offset is None:
                break
        yield from ((key, generation, count) for (key, generation), count in points.items())

    def close(self) -> None:
        self._client.close()

    def _check(self) -> bool:
        """Whether the collection exists; raises when it is not ours."""
        with self._server():
            if not self._client.collection_exists(self._collection.name):
                return False
            config = self._client.get_collection(self._collection.name).config
        vectors = config.params.vectors
        dense = vectors.get(DENSE) if isinstance(vectors, dict) else None
        found = dict(config.metadata or {})
        found["dimension"] = dense.size if dense else f"no vector named {DENSE}"
        self._collection.check(found)
        return True

    def _make_ready(self) -> None:
        if self._ready:
            return
        name = self._collection.name
        if not self._exists:
            try:
                self._client.create_collection(
                    name,
                    vectors_config={DENSE: models.VectorParams(size=self._collection.dimension, distance=models.Distance.COSINE)},
                    sparse_vectors_config={SPARSE: models.SparseVectorParams(modifier=models.Modifier.IDF)},
                    metadata=dict(self._collection.record),
                )
            except (UnexpectedResponse, ValueError):
                # Another process may have created it meanwhile: then all is well.
                if not self._check():
                    raise
            self._exists = True
        # Also for a collection that exists: whoever created it may have died before this.
        there = self._client.get_collection(name).payload_schema
        kinds = dict.fromkeys(KEYWORD_FIELDS, models.PayloadSchemaType.KEYWORD) | dict.fromkeys(
            INTEGER_FIELDS, models.PayloadSchemaType.INTEGER
        )
        for field, kind in kinds.items():
            if field not in there:
                self._client.create_payload_index(name, field, kind, wait=True)
        self._ready = True

    def _delete_stale(self, entries: Sequence[Entry]) -> None:
        stale: list[models.Condition] = []
        for entry in entries:
            key, generation = _is("key", entry.key), _is("generation", entry.generation)
            surplus = models.FieldCondition(key="chunk", range=models.Range(gte=len(entry.passages)))
            stale += [models.Filter(must=[key], must_not=[generation]), models.Filter(must=[key, generation, surplus])]
        if stale:
            self._delete(models.Filter(should=stale))

    def _delete(self, points: models.Filter) -> None:
        with self._server():
            self._client.delete(self._collection.name, models.FilterSelector(filter=points), wait=True)

    @contextmanager
    def _server(self) -> Iterator[None]:
        """Give the client's errors a class that decides policy, and a text without secrets."""
        try:
            yield
        except DocpipeError:
            raise
        except ResourceExhaustedResponse as error:
            raise IndexUnavailable(f"Qdrant at {self._where} asks to slow down", retry_after=float(error.retry_after_s)) from None
        except UnexpectedResponse as error:
            raise self._refusal(error) from None
        except ResponseHandlingException as error:
            raise self._nonsense(error.source) from None
        except (ValueError, AssertionError) as error:
            # The client lets through what it raises itself when the answer is no JSON, or lacks its result.
            raise self._nonsense(error) from None

    def _nonsense(self, error: Exception) -> IndexUnavailable:
        reason = str(error)[:_LONGEST_REASON] or type(error).__name__
        return IndexUnavailable(f"Qdrant at {self._where} did not answer as it should ({reason}): see whether it runs")

    def _refusal(self, error: UnexpectedResponse) -> DocpipeError:
        status = error.status_code or 0
        reason = f"status {status}: {error.content[:_LONGEST_REASON].decode(errors='replace')}"
        if status in {401, 403}:
            return ConfigurationError(f"Qdrant at {self._where} refuses the key (status {status}): set DOCPIPE_QDRANT_API_KEY")
        if status == 507 or b"No space left" in error.content:
            return IndexFull(f"Qdrant at {self._where} has no disk space left: free space there and run again")
        if status in _TRANSIENT_STATUSES or status >= 500 or (status == 404 and self._exists):
            return IndexUnavailable(f"Qdrant at {self._where} cannot serve now ({reason})")
        if self._ready:
            return PermanentError(f"Qdrant at {self._where} refuses what it is given ({reason}): process the document again")
        advice = "see that DOCPIPE_QDRANT_URL names a Qdrant server of 1.16 or newer"
        return ConfigurationError(f"Qdrant at {self._where} refuses the request ({reason}): {advice}")


def _point(point: StoredPoint) -> models.PointStruct:
    sparse = models.SparseVector(indices=point.terms.indices, values=point.terms.values)
    return models.PointStruct(id=point.id, vector={DENSE: point.vector.tolist(), SPARSE: sparse}, payload=point.payload)


def _unwanted(keys: Sequence[str], keep: Mapping[str, int]) -> models.Filter:
    """The points of these documents, but for those of the generations that are kept and of newer ones."""
    whole = [key for key in keys if key not in keep]
    conditions: list[models.Condition] = [models.Filter(must=[_any("key", whole)])] if whole else []
    for key, kept in ((key, keep[key]) for key in keys if key in keep):
        rightful = models.FieldCondition(key="generation", range=models.Range(gte=kept))
        conditions.append(models.Filter(must=[_is("key", key)], must_not=[rightful]))
    return models.Filter(should=conditions)


def _is(field: str, value: str | int) -> models.FieldCondition:
    return models.FieldCondition(key=field, match=models.MatchValue(value=value))


def _any(field: str, values: Sequence[str]) -> models.FieldCondition:
    return models.FieldCondition(key=field, match=models.MatchAny(any=list(values)))
