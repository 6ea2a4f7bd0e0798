"""How good a search is: a golden set asked of a collection."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from docpipe.errors import GoldenSetInvalid
from docpipe.golden.golden_set import GoldenSet
from docpipe.golden.metrics import ndcg, recall, reciprocal_rank
from docpipe.golden.ranking import rank_targets
from docpipe.golden.target import Target
from docpipe.index import Collection, Fusion, IndexReader, open_reader
from docpipe.partition_key import partition_key
from docpipe.search import Searcher, open_searcher
from docpipe.settings import Settings

CUTOFF = 10
"""Of nDCG, MRR and the longest recall, where nothing else is asked for."""
DEPTH = Fusion().candidates
"""Passages asked for: as many as each of the two searches brings, since more would make it another fusion than a user's."""


@dataclass(frozen=True, slots=True)
class JudgedQuery:
    """What one question found."""

    query: str
    """Its id."""
    text: str
    ndcg: float
    reciprocal_rank: float
    recall: Mapping[int, float]
    ranked: tuple[Target, ...]
    """What came, as far as it was looked at."""
    grades: Mapping[Target, int]
    """What should have come."""

    @property
    def missed(self) -> tuple[Target, ...]:
        """Relevant targets that did not come, best grade first."""
        missing = (target for target, grade in self.grades.items() if grade and target not in self.ranked)
        return tuple(sorted(missing, key=lambda target: -self.grades[target]))


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How well one collection answers a golden set; every number is the mean over the queries."""

    collection: str
    golden_sha256: str
    cutoff: int
    """Ranks that count."""
    per_query: tuple[JudgedQuery, ...]
    """In the order of the golden set."""
    unknown: tuple[str, ...]
    """Object keys of judged documents that the collection does not hold: their judgements count as missed."""

    @property
    def queries(self) -> int:
        return len(self.per_query)

    @property
    def ndcg(self) -> float:
        """nDCG at the cutoff."""
        return fmean(one.ndcg for one in self.per_query)

    @property
    def mrr(self) -> float:
        """MRR at the cutoff."""
        return fmean(one.reciprocal_rank for one in self.per_query)

    @property
    def recall(self) -> dict[int, float]:
        """Recall at 1, 5 and the cutoff."""
        return {cutoff: fmean(one.recall[cutoff] for one in self.per_query) for cutoff in recall_cutoffs(self.cutoff)}

    @property
    def worst(self) -> list[JudgedQuery]:
        """The queries that found less than all in the best order, worst first."""
        return sorted((one for one in self.per_query if one.ndcg < 1), key=lambda one: (one.ndcg, one.reciprocal_rank))


def evaluate(
    settings: Settings,
    golden: GoldenSet,
    collection: Collection | None = None,
    fusion: Fusion | None = None,
    *,
    rerank: bool | None = None,
    cutoff: int = CUTOFF,
    progress: Callable[[int], object] | None = None,
) -> Evaluation:
    """Ask a golden set of a collection, by default of the one that is searched, with the fusion of the settings.

    `rerank` is that of `Searcher.search`, `cutoff` at most `DEPTH`; `progress` is called with the number of queries done.
    Raises `GoldenSetInvalid` where the collection holds none of the judged documents.
    """
    with open_reader(settings, collection) as index:
        asked = index.collection
        unknown = _unknown(index, golden)
    with open_searcher(settings, asked, fusion=fusion, rerank=rerank) as searcher:
        return Evaluation(asked.name, golden.sha256, cutoff, tuple(_judged(searcher, golden, rerank, cutoff, progress)), unknown)


def _judged(
    searcher: Searcher, golden: GoldenSet, rerank: bool | None, cutoff: int, progress: Callable[[int], object] | None
) -> Iterator[JudgedQuery]:
    # Doubles stay in: which of two equal documents is shown first must not decide whether a judged one was found.
    answers = searcher.search_all(list(golden.queries.values()), DEPTH, duplicates=True, rerank=rerank)
    for done, ((query, text), hits) in enumerate(zip(golden.queries.items(), answers, strict=True), 1):
        grades = golden.judgements[query]
        yield judge(query, text, rank_targets(((hit.object_key, hit.pages) for hit in hits), grades), grades, cutoff)
        if progress:
            progress(done)


def judge(query: str, text: str, ranked: Sequence[Target], grades: Mapping[Target, int], cutoff: int = CUTOFF) -> JudgedQuery:
    """Measure one ranking."""
    recalls = {k: recall(ranked, grades, k) for k in recall_cutoffs(cutoff)}
    rank = reciprocal_rank(ranked, grades, cutoff)
    return JudgedQuery(query, text, ndcg(ranked, grades, cutoff), rank, recalls, tuple(ranked[:cutoff]), grades)


def recall_cutoffs(cutoff: int) -> list[int]:
    """Ranks at which recall is measured."""
    return sorted({1, min(5, cutoff), cutoff})


def _unknown(index: IndexReader, golden: GoldenSet) -> tuple[str, ...]:
    judged = {partition_key(object_key): object_key for object_key in golden.object_keys}
    total = len(judged)
    for key, _, _ in index.inventory():
        judged.pop(key, None)
    if len(judged) == total:
        first = ", ".join(sorted(judged.values())[:3])
        raise GoldenSetInvalid(
            f"{golden.folder}: none of its {total:,} documents is indexed ({first} …): "
            "the corpus-id of a judgement is the name of an object in the bucket, as `docpipe status` shows it"
        )
    return tuple(sorted(judged.values()))
