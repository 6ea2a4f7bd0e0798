from math import log2
from pathlib import Path

import pytest

from benchmarks.peers.quality import answerable, document_ndcg, page_ndcg
from docpipe.golden import GoldenSet, Target

JUDGED = {
    "rent": {Target("report.pdf", 13): 2, Target("report.pdf", 3): 1},
    "wind": {Target("paper.pdf"): 1},
}


def test_documents_are_ranked_by_their_best_passage_and_graded_as_their_best_page() -> None:
    found = {"rent": [("other.pdf", 1), ("other.pdf", 2), ("report.pdf", 9), ("report.pdf", 13)], "wind": [("paper.pdf", 0)]}
    # `report.pdf` is the second document of the first question, the only one of the second the first.
    assert document_ndcg(found, JUDGED) == pytest.approx((1 / log2(3) + 1) / 2)


def test_pages_count_where_they_are_judged() -> None:
    right = {"rent": [("report.pdf", 13), ("report.pdf", 3)], "wind": [("paper.pdf", 7)]}
    assert page_ndcg(right, JUDGED) == 1.0
    wrong = {"rent": [("report.pdf", 9)], "wind": [("paper.pdf", 7)]}
    assert page_ndcg(wrong, JUDGED) == 0.5
    assert document_ndcg(wrong, JUDGED) == 1.0


def test_a_peer_without_pages_scores_by_documents_alone() -> None:
    found = {"rent": [("report.pdf", 0)], "wind": [("paper.pdf", 0)]}
    assert document_ndcg(found, JUDGED) == 1.0
    assert page_ndcg(found, JUDGED) == 0.5


def test_a_question_without_an_answer_scores_zero() -> None:
    assert document_ndcg({"wind": [("paper.pdf", 0)]}, JUDGED) == 0.5


def test_only_questions_that_the_files_answer_are_asked() -> None:
    golden = GoldenSet(
        Path("golden"),
        {"rent": "Who?", "wind": "What?", "both": "Where?"},
        {**JUDGED, "both": {Target("paper.pdf"): 1, Target("mail.eml"): 1}},
    )
    assert set(answerable(golden, ["paper.pdf", "more.pdf"])) == {"wind"}
    assert set(answerable(golden, ["paper.pdf", "report.pdf"])) == {"rent", "wind"}


def test_a_document_that_answers_nothing_may_be_missing() -> None:
    golden = GoldenSet(Path("golden"), {"wind": "What?"}, {"wind": {Target("paper.pdf"): 1, Target("mail.eml"): 0}})
    assert set(answerable(golden, ["paper.pdf"])) == {"wind"}
