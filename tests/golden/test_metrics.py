from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docpipe.golden.metrics import ndcg, recall, reciprocal_rank

# Rankings and grades drawn at random; the numbers are what pytrec_eval-terrier 0.5.10 (trec_eval 9) gives for them.
TREC_EVAL = [
    ("D R K N H U Q S A L P", {"A": 2, "X": 0, "F": 1, "Q": 2}, 0.337261, 0.142857, (0.0, 0.0, 0.666667)),
    ("L F Q A T I S P Z N W V", {"Q": 3, "L": 2, "J": 1, "Y": 0, "W": 3}, 0.553494, 1.0, (0.25, 0.5, 0.5)),
    ("U P O L C S Z Y D", {"U": 1, "T": 0, "B": 3, "Z": 1}, 0.322768, 1.0, (0.333333, 0.333333, 0.666667)),
    ("I U Z Y T S A Q", {"E": 1, "D": 1, "X": 0, "Y": 2, "L": 0}, 0.275111, 0.25, (0.0, 0.333333, 0.333333)),
    ("U C P E Q T X O J Z", {"I": 0, "X": 3, "Y": 2, "J": 2, "N": 0, "V": 0}, 0.304467, 0.142857, (0.0, 0.0, 0.666667)),
]


@pytest.mark.parametrize(("ranked", "grades", "gain", "rank", "recalls"), TREC_EVAL)
def test_the_numbers_are_those_of_trec_eval(
    ranked: str, grades: dict[str, int], gain: float, rank: float, recalls: tuple[float, float, float]
) -> None:
    targets = ranked.split()
    assert ndcg(targets, grades) == pytest.approx(gain, abs=1e-6)
    assert reciprocal_rank(targets, grades) == pytest.approx(rank, abs=1e-6)
    assert [recall(targets, grades, k) for k in (1, 5, 10)] == pytest.approx(list(recalls), abs=1e-6)


def test_what_stands_behind_the_cutoff_does_not_count() -> None:
    ranked = [*map(str, range(10)), "answer"]
    assert ndcg(ranked, {"answer": 1}) == reciprocal_rank(ranked, {"answer": 1}) == recall(ranked, {"answer": 1}, 10) == 0
    assert reciprocal_rank(ranked, {"answer": 1}, 11) == pytest.approx(1 / 11)


def test_the_higher_grade_has_to_come_first() -> None:
    assert ndcg(["best", "good"], {"best": 2, "good": 1}) == 1
    assert ndcg(["good", "best"], {"best": 2, "good": 1}) < 1


@pytest.mark.parametrize("grades", [{}, {"a": 0}])
def test_where_nothing_is_relevant_nothing_is_found(grades: dict[str, int]) -> None:
    assert ndcg(["a"], grades) == reciprocal_rank(["a"], grades) == recall(["a"], grades, 1) == 0


@given(st.permutations("abcdefgh"), st.dictionaries(st.sampled_from("abcdefghxyz"), st.integers(0, 3)))
def test_the_best_order_is_never_beaten(ranked: list[str], grades: dict[str, int]) -> None:
    best = sorted(grades, key=lambda target: -grades[target])
    found = ndcg(ranked, grades)
    assert 0 <= found <= ndcg(best, grades) + 1e-12
    assert ndcg(best, grades) == (1 if any(grades.values()) else 0)
