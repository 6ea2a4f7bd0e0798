"""Hybrid search over one open collection: by meaning and by terms, fused in the engine, without doubles, judged anew if wished."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from docpipe.embed.contract import Embedder
from docpipe.embed.embedder import open_embedder
from docpipe.errors import ConfigurationError, ModelMissing, QueryInvalid
from docpipe.index import Collection, Fusion, IndexReader, Selection, open_reader, searched_model
from docpipe.search.context import Around, contexts
from docpipe.search.duplicates import collapse
from docpipe.search.hit import Hit, hit_of
from docpipe.search.query import Query, prepare
from docpipe.search.ranking import in_order
from docpipe.search.reranker import Reranker, open_reranker
from docpipe.settings import Settings

MOST_HITS = 1_000
MOST_CANDIDATES = 10_000
"""Asked of the engine at most, to find enough passages of which no two say the same."""
QUERIES_AT_ONCE = 256
"""Embedded together."""
_SPARE = 5
"""Candidates asked for at first beyond the hits wanted, or a quarter of these: mostly enough, since few passages stand twice."""
_WIDER = 4


class Searcher:
    """An open reader, its embedder and, where there is one, a cross-encoder, for many queries; safe for threads."""

    def __init__(
        self,
        index: IndexReader,
        embedder: Embedder,
        fusion: Fusion | None = None,
        reranker: Reranker | None = None,
        rerank_candidates: int = 30,
    ) -> None:
        """Raises `ConfigurationError` where the collection holds the vectors of another model than the embedder's."""
        found, wanted = index.collection, embedder.model
        if (found.model_sha256, found.dimension) != (wanted.sha256, wanted.dimension):
            raise ConfigurationError(
                f"the collection {found.name} holds vectors of {found.model} with {found.dimension} dimensions, and the query's would be "
                f"of {wanted.name} with {wanted.dimension}: set DOCPIPE_EMBEDDER to {found.embedder}"
            )
        self.collection = found
        self._index = index
        self._embedder = embedder
        self._fusion = fusion or Fusion()
        self._reranker = reranker
        self._rerank_candidates = rerank_candidates

    def search(
        self,
        text: str,
        limit: int = 5,
        selection: Selection | None = None,
        *,
        around: Around | None = None,
        duplicates: bool = False,
        rerank: bool | None = None,
    ) -> list[Hit]:
        """Find the passages nearest to a text, best first.

        `duplicates` also lists passages that say the same as a better one, which otherwise names them. `rerank` orders the
        best passages by the cross-encoder, by default where there is one; those behind them keep their order.
        Raises `QueryInvalid`, `ModelMissing` where a cross-encoder is asked for and there is none, and what the index raises.
        """
        return next(self.search_all([text], limit, selection, around=around, duplicates=duplicates, rerank=rerank))

    def search_all(
        self,
        texts: Sequence[str],
        limit: int = 5,
        selection: Selection | None = None,
        *,
        around: Around | None = None,
        duplicates: bool = False,
        rerank: bool | None = None,
    ) -> Iterator[list[Hit]]:
        """Search for one text after the other, as `search` does, and embed many of them together."""
        check(limit, selection)
        judge = self._judge(rerank)
        for start in range(0, len(texts), QUERIES_AT_ONCE):
            queries = [prepare(text, self._embedder.model) for text in texts[start : start + QUERIES_AT_ONCE]]
            vectors = self._embedder.embed([query.prompt + query.text for query in queries])
            for query, vector in zip(queries, vectors, strict=True):
                wanted = max(limit, self._rerank_candidates) if judge else limit
                hits = self._candidates(query, vector, wanted, selection or Selection(), duplicates)
                if judge:
                    hits = self._reranked(judge, query, hits)
                yield self._surrounded(hits[:limit], around)

    def _judge(self, rerank: bool | None) -> Reranker | None:
        if rerank and self._reranker is None:
            raise ModelMissing("there is no cross-encoder to rerank with: set DOCPIPE_RERANKER to the folder of one")
        return None if rerank is False else self._reranker

    def _candidates(self, query: Query, vector: NDArray[np.float32], wanted: int, selection: Selection, duplicates: bool) -> list[Hit]:
        """The best passages of the fusion, no two of which say the same unless `duplicates`."""
        asked = wanted + max(_SPARE, wanted // 4)
        if duplicates:
            # Only against equals at the end, of which the engine would bring another each time: no reason to search more widely.
            asked = max(wanted, min(asked, self._fusion.candidates))
        while True:
            matches = self._index.search(vector, query.text, asked, selection, self._fusion)
            found = in_order([hit_of(match, query.cut) for match in matches], self._fusion)
            hits = found if duplicates else collapse(found)
            if duplicates or len(hits) >= wanted or len(found) < asked or asked >= MOST_CANDIDATES:
                return hits[:wanted]
            asked = min(asked * _WIDER, MOST_CANDIDATES)

    def _reranked(self, judge: Reranker, query: Query, hits: Sequence[Hit]) -> list[Hit]:
        first, rest = hits[: self._rerank_candidates], hits[self._rerank_candidates :]
        judged = judge.judge(query.text, [hit.reading_text for hit in first])
        scored = [
            replace(hit, rerank=float(score), rerank_cut=cut) for hit, score, cut in zip(first, judged.scores, judged.cut, strict=True)
        ]
        # Equal scores keep the order of the fusion.
        order = np.argsort(-judged.scores, kind="stable")
        return [*(scored[place] for place in order), *rest]

    def _surrounded(self, hits: list[Hit], around: Around | None) -> list[Hit]:
        if around is None or not around.wanted:
            return hits
        found = contexts(self._index, hits, around)
        return [replace(hit, context=context) for hit, context in zip(hits, found, strict=True)]


@contextmanager
def open_searcher(
    settings: Settings, collection: Collection | None = None, *, fusion: Fusion | None = None, rerank: bool | None = None
) -> Iterator[Searcher]:
    """Open everything that searches need: a collection, by default the searched one, the embedder of its model, a cross-encoder.

    `fusion` takes the place of the settings'. Their cross-encoder is loaded unless `rerank` is False. For a process that lives
    long there is `AliasSearcher`. Raises `ModelMissing`, `ConfigurationError`, and what opening the index raises.
    """
    fusion = fusion or settings_fusion(settings)
    with open_reader(settings, collection) as index:
        embedder = open_embedder(searched_model(settings, index.collection))
        reranker = None if rerank is False else open_reranker(settings)
        yield Searcher(index, embedder, fusion, reranker, settings.rerank_candidates)


def settings_fusion(settings: Settings) -> Fusion:
    """The fusion that the settings describe; raises `ConfigurationError` where neither side has a weight."""
    if not settings.search_dense_weight + settings.search_sparse_weight > 0:
        raise ConfigurationError("DOCPIPE_SEARCH_DENSE_WEIGHT and DOCPIPE_SEARCH_SPARSE_WEIGHT are both 0: give one of them a weight")
    return Fusion(dense=settings.search_dense_weight, sparse=settings.search_sparse_weight)


def check(limit: int, selection: Selection | None) -> None:
    """Raise `QueryInvalid` for a search that asks for too much or contradicts itself."""
    if not 1 <= limit <= MOST_HITS:
        raise QueryInvalid(f"{limit} passages were asked for: ask for 1 to {MOST_HITS}")
    bounds = [moment for moment in (selection.since, selection.before) if moment] if selection else []
    if any(moment.tzinfo is None for moment in bounds):
        raise QueryInvalid("a date without a time zone could mean several moments: give one with a time zone")
    if len(bounds) == 2 and bounds[0] >= bounds[1]:
        raise QueryInvalid(f"nothing was modified since {bounds[0]} and before {bounds[1]}: the first must be the earlier one")
