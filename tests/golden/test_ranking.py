from __future__ import annotations

from docpipe.golden import Target
from docpipe.golden.ranking import rank_targets

A, B = Target("a.pdf"), Target("b.md")
A1, A2, A3 = Target("a.pdf", 1), Target("a.pdf", 2), Target("a.pdf", 3)


def test_a_document_stands_where_its_best_passage_does() -> None:
    assert rank_targets([("a.pdf", (3,)), ("b.md", ()), ("a.pdf", (1,))], {B: 1}) == [A, B]


def test_a_document_judged_by_pages_is_ranked_by_pages() -> None:
    passages = [("a.pdf", (3,)), ("b.md", ()), ("a.pdf", (3,)), ("a.pdf", (1,))]
    assert rank_targets(passages, {A1: 2, B: 1}) == [A3, B, A1]


def test_a_passage_over_several_pages_takes_one_rank() -> None:
    assert rank_targets([("a.pdf", (1, 2, 3)), ("b.md", ())], {A2: 1, B: 1}) == [A2, B]
    assert rank_targets([("a.pdf", (1, 2)), ("b.md", ())], {A3: 1}) == [A1, B]


def test_a_passage_that_answers_on_two_pages_found_both_the_better_first() -> None:
    assert rank_targets([("a.pdf", (1, 2, 3))], {A1: 1, A3: 2}) == [A3, A1]


def test_a_page_that_was_passed_over_does_not_come_again() -> None:
    passages = [("a.pdf", (1, 2)), ("a.pdf", (2,)), ("b.md", ())]
    assert rank_targets(passages, {A3: 1}) == [A1, B]


def test_a_page_of_grade_zero_is_no_answer() -> None:
    assert rank_targets([("a.pdf", (1, 2))], {A1: 0, A2: 1}) == [A2]


def test_a_passage_without_pages_counts_as_its_document() -> None:
    assert rank_targets([("a.pdf", ()), ("b.md", ())], {A1: 1}) == [A, B]
