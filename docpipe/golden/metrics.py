"""Measures of one ranking, as trec_eval defines them: targets in rank order and their grades in, a number from 0 to 1 out.

A target is relevant where its grade is above 0; one that nobody judged counts as 0. Every target stands once in a ranking.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import TypeVar

T = TypeVar("T", bound=Hashable)


def ndcg(ranked: Sequence[T], grades: Mapping[T, int], k: int = 10) -> float:
    """Normalized discounted cumulative gain: the grades, each divided by log2(rank + 1), as a share of the best order's.

    Gains are the grades themselves, as in trec_eval's `ndcg_cut`; Järvelin and Kekäläinen, TOIS 2002.
    """
    best = _discounted(sorted(grades.values(), reverse=True)[:k])
    return _discounted(grades.get(target, 0) for target in ranked[:k]) / best if best else 0.0


def reciprocal_rank(ranked: Sequence[T], grades: Mapping[T, int], k: int = 10) -> float:
    """One over the rank of the first relevant target; 0 where none is among the first k."""
    return next((1 / rank for rank, target in enumerate(ranked[:k], 1) if grades.get(target, 0) > 0), 0.0)


def recall(ranked: Sequence[T], grades: Mapping[T, int], k: int) -> float:
    """The share of the relevant targets that is among the first k."""
    relevant = {target for target, grade in grades.items() if grade > 0}
    return len(relevant.intersection(ranked[:k])) / len(relevant) if relevant else 0.0


def _discounted(gains: Iterable[int]) -> float:
    return sum(gain / math.log2(rank + 1) for rank, gain in enumerate(gains, 1))
