"""How well the questions were answered: the same golden set for everybody, over the files that everybody was given."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from statistics import fmean

from docpipe.golden import GoldenSet, Target
from docpipe.golden.metrics import ndcg
from docpipe.golden.ranking import rank_targets

Found = Mapping[str, Sequence[tuple[str, int]]]
"""File and page of what each question found, best first."""
Grades = Mapping[str, Mapping[Target, int]]
"""Grades by question and target."""


def answerable(golden: GoldenSet, files: Collection[str]) -> Grades:
    """The judgements of the questions that these files answer: every relevant document is among them."""
    return {
        question: grades
        for question, grades in golden.judgements.items()
        if all(target.object_key in files for target, grade in grades.items() if grade > 0)
    }


def document_ndcg(found: Found, judged: Grades) -> float:
    """Mean nDCG@10 of documents, each ranked by its best passage and graded as its best page."""
    by_question = {question: _documents(grades) for question, grades in judged.items()}
    ranked = {question: list(dict.fromkeys(Target(file) for file, _ in found.get(question, ()))) for question in judged}
    return fmean(ndcg(ranked[question], grades) for question, grades in by_question.items())


def page_ndcg(found: Found, judged: Grades) -> float:
    """Mean nDCG@10 as judged: of pages, where the golden set names them."""
    passages = {question: [(file, (page,) if page else ()) for file, page in found.get(question, ())] for question in judged}
    return fmean(ndcg(rank_targets(passages[question], grades), grades) for question, grades in judged.items())


def _documents(grades: Mapping[Target, int]) -> dict[Target, int]:
    best: dict[Target, int] = {}
    for target, grade in grades.items():
        document = Target(target.object_key)
        best[document] = max(grade, best.get(document, 0))
    return best
