"""One hybrid search as requests, and what is read from the answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from qdrant_client import models

from docpipe.index.collection import DENSE, OVERSAMPLING, SPARSE
from docpipe.index.contract import Fusion, Match, Part, Selection
from docpipe.index.server.condition import equals, selected
from docpipe.index.server.head import REVISION, stored_payload
from docpipe.index.sparse import Terms


@dataclass(frozen=True, slots=True)
class Answer:
    """What one round found: the fused points, and the candidates of the two searches behind them."""

    fused: Sequence[models.ScoredPoint] = ()
    dense: Sequence[models.ScoredPoint] = ()
    sparse: Sequence[models.ScoredPoint] = ()
    writings: frozenset[tuple[str, int | None]] = frozenset()
    """Key and revision of every point in it."""

    @property
    def keys(self) -> set[str]:
        return {key for key, _ in self.writings}

    def matches(self, believed: Mapping[str, int]) -> list[Match]:
        """The fused points of the writings with these revisions, best first."""
        dense, sparse = _parts(self.dense), _parts(self.sparse)
        written = ((point, *_writing(point)) for point in self.fused)
        return [
            Match(point.score, stored_payload(point.payload), dense.get(str(point.id)), sparse.get(str(point.id)))
            for point, key, revision in written
            if believed.get(key) == revision
        ]


@dataclass(frozen=True, slots=True)
class Query:
    """What is looked for, and how."""

    vector: list[float]
    terms: Terms
    limit: int
    selection: Selection
    fusion: Fusion
    quantization: str

    def requests(self, believed: Mapping[str, int | None]) -> list[models.QueryRequest]:
        """The fused search and the one or two that it is made of, for their ranks and scores.

        Of each document in `believed` only this revision takes part, or nothing.
        """
        wide = max(self.fusion.candidates, self.limit)
        only = self._filter(believed)
        sides = [models.Prefetch(query=self.vector, using=DENSE, params=self._params(), filter=only, limit=wide)]
        weights = [self.fusion.dense]
        if self.terms.indices:
            terms = models.SparseVector(indices=self.terms.indices, values=self.terms.values)
            sides.append(models.Prefetch(query=terms, using=SPARSE, filter=only, limit=wide))
            weights.append(self.fusion.sparse)
        # Servers before 1.17 do not know weights.
        rrf = models.Rrf(k=self.fusion.k, weights=weights)
        fused = models.QueryRequest(prefetch=sides, query=models.RrfQuery(rrf=rrf), limit=self.limit, with_payload=True)
        alone = [
            models.QueryRequest(
                query=side.query, using=side.using, params=side.params, filter=only, limit=wide, with_payload=["key", REVISION]
            )
            for side in sides
        ]
        return [fused, *alone]

    def answer(self, responses: Sequence[models.QueryResponse]) -> Answer:
        lists = [response.points for response in responses]
        if len(lists) != (3 if self.terms.indices else 2):
            raise ValueError(f"{len(lists)} answers to a batch of queries")
        fused, dense, *rest = lists
        sparse = rest[0] if rest else []
        return Answer(fused, dense, sparse, frozenset(_writing(point) for points in lists for point in points))

    def _filter(self, believed: Mapping[str, int | None]) -> models.Filter | None:
        wanted = selected(self.selection)
        dead: list[models.Condition] = [
            equals("key", key) if revision is None else models.Filter(must=[equals("key", key)], must_not=[equals(REVISION, revision)])
            for key, revision in believed.items()
        ]
        return models.Filter(must=wanted or None, must_not=dead or None) if wanted or dead else None

    def _params(self) -> models.SearchParams:
        oversampling = OVERSAMPLING.get(self.quantization)
        rescored = models.QuantizationSearchParams(rescore=True, oversampling=oversampling) if oversampling else None
        return models.SearchParams(hnsw_ef=self.fusion.breadth, quantization=rescored)


def _writing(point: models.ScoredPoint) -> tuple[str, int | None]:
    payload = point.payload or {}
    return str(payload.get("key", "")), payload.get(REVISION)


def _parts(points: Iterable[models.ScoredPoint]) -> dict[str, Part]:
    return {str(point.id): Part(rank, point.score) for rank, point in enumerate(points, 1)}
