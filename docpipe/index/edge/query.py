"""One hybrid search as requests to the engine, and what is read from its answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import qdrant_edge as edge
from numpy.typing import NDArray

from docpipe.index.collection import DENSE, OVERSAMPLING, SPARSE
from docpipe.index.contract import Fusion, Match, Part, Selection
from docpipe.index.edge.condition import selected
from docpipe.index.sparse import Terms


@dataclass(frozen=True, slots=True)
class Query:
    """What is looked for, and how."""

    vector: NDArray[np.float32]
    terms: Terms
    limit: int
    selection: Selection
    fusion: Fusion
    quantization: str

    def candidates(self) -> edge.QueryBatchRequest:
        """The search by meaning and, where the text has terms, the one by terms; ids and scores alone."""
        only, params = selected(self.selection), self._params()
        sides = [edge.QueryRequest(limit=self._wide, query=self._dense, params=params, filter=only)]
        if self.terms.indices:
            sides.append(edge.QueryRequest(limit=self._wide, query=self._sparse, filter=only))
        return edge.QueryBatchRequest(sides)

    def fused(self, candidates: Sequence[Sequence[Any]]) -> edge.QueryRequest:
        """Their fusion, with payload.

        Only the candidates take part, by their ids: asked for as a whole, the fusion would search both sides once more, which
        took half of the time.
        """
        sides = [
            edge.Prefetch(limit=self._wide, query=query, filter=edge.Filter(must=[edge.HasIdCondition({point.id for point in found})]))
            for query, found in zip((self._dense, self._sparse), candidates, strict=False)
        ]
        weights = [self.fusion.dense, self.fusion.sparse][: len(sides)]
        # The type stubs do not say that this is a Fusion.
        fusion = cast("edge.Fusion", edge.Fusion.Rrf(k=self.fusion.k, weights=weights))
        return edge.QueryRequest(limit=self.limit, prefetches=sides, query=fusion, with_payload=True)

    def matches(self, fused: Sequence[Any], candidates: Sequence[Sequence[Any]]) -> list[Match]:
        dense, *rest = candidates
        by_meaning, by_terms = _parts(dense), _parts(rest[0]) if rest else {}
        return [Match(point.score, point.payload or {}, by_meaning.get(str(point.id)), by_terms.get(str(point.id))) for point in fused]

    @property
    def _wide(self) -> int:
        return max(self.fusion.candidates, self.limit)

    @property
    def _dense(self) -> edge.Query:
        return edge.Query.Nearest(self.vector.tolist(), using=DENSE)

    @property
    def _sparse(self) -> edge.Query:
        return edge.Query.Nearest(edge.SparseVector(self.terms.indices, self.terms.values), using=SPARSE)

    def _params(self) -> edge.SearchParams:
        oversampling = OVERSAMPLING.get(self.quantization)
        quantization = edge.QuantizationSearchParams(rescore=True, oversampling=oversampling) if oversampling else None
        # With a filter the search walks the graph through points that do not match, rather than losing its way.
        acorn = edge.AcornSearchParams(enable=True) if selected(self.selection) else None
        return edge.SearchParams(hnsw_ef=self.fusion.breadth, quantization=quantization, acorn=acorn)


def _parts(points: Sequence[Any]) -> dict[str, Part]:
    return {str(point.id): Part(rank, point.score) for rank, point in enumerate(points, 1)}
