from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from docpipe.errors import ConfigurationError, GoldenSetInvalid, ModelMissing
from docpipe.golden import Target, evaluate
from docpipe.index import Fusion, own_collection
from docpipe.settings import Settings
from tests.golden.indexed import fill, golden_set, home

__all__ = ["home"]

MakeSettings = Callable[..., Settings]


@pytest.fixture
def filled(home: Path, settings: MakeSettings) -> Settings:
    return settings(home=home)


def test_each_query_is_measured_and_the_whole_is_the_mean(filled: Settings, tmp_path: Path) -> None:
    golden = golden_set(
        tmp_path,
        dough=("How long should the dough rise?", {"bread.md": 1}),
        valve=("valve K-4711", {"pump.pdf#page=2": 1}),
        late=("How long should the dough rise? bake bread", {"pump.pdf": 1}),
    )
    found = evaluate(filled, golden)
    dough, valve, late = found.per_query
    assert (dough.ndcg, dough.reciprocal_rank, dough.recall[1], dough.missed) == (1, 1, 1, ())
    assert valve.ranked[0] == Target("pump.pdf", 2)
    assert late.ranked[0] == Target("bread.md")
    assert 0 < late.reciprocal_rank < 1
    assert late.recall == {1: 0, 5: 1, 10: 1}
    assert found.mrr == pytest.approx((2 + late.reciprocal_rank) / 3)
    assert found.recall == pytest.approx({1: 2 / 3, 5: 1, 10: 1})
    assert found.ndcg == pytest.approx((2 + late.ndcg) / 3)
    assert found.worst == [late]
    assert (found.queries, found.unknown, found.golden_sha256) == (3, (), golden.sha256)
    assert found.collection == own_collection(filled).name


def test_only_the_ranks_up_to_the_cutoff_count(filled: Settings, tmp_path: Path) -> None:
    golden = golden_set(tmp_path, late=("How long should the dough rise? bake bread", {"pump.pdf": 1}))
    found = evaluate(filled, golden, cutoff=1)
    assert (found.ndcg, found.mrr, found.recall, found.cutoff) == (0, 0, {1: 0}, 1)
    assert found.per_query[0].ranked == (Target("bread.md"),)
    assert found.per_query[0].missed == (Target("pump.pdf"),)


def test_an_attachment_is_a_document_of_its_own(filled: Settings, tmp_path: Path) -> None:
    golden = golden_set(tmp_path, offer=("What does the main bearing cost?", {"a mail!//01-offer.pdf#page=1": 2}))
    assert evaluate(filled, golden).ndcg == 1


def test_the_weights_of_the_fusion_decide(filled: Settings, tmp_path: Path) -> None:
    golden = golden_set(tmp_path, words=("how to make loaves", {"bread.md": 1}), number=("K-4711", {"pump.pdf#page=2": 1}))
    by_terms = evaluate(filled, golden, fusion=Fusion(dense=0, sparse=1))
    assert [one.recall[1] for one in by_terms.per_query] == [0, 1]
    assert evaluate(filled.model_copy(update={"search_dense_weight": 0.0}), golden).per_query == by_terms.per_query
    with pytest.raises(ConfigurationError, match="both 0"):
        evaluate(filled.model_copy(update={"search_dense_weight": 0.0, "search_sparse_weight": 0.0}), golden)


def test_documents_that_are_not_indexed_count_as_missed_and_are_named(filled: Settings, tmp_path: Path) -> None:
    golden = golden_set(tmp_path, dough=("How long should the dough rise?", {"bread.md": 1, "gone.pdf#page=2": 1, "b.pdf": 0}))
    found = evaluate(filled, golden)
    assert found.unknown == ("b.pdf", "gone.pdf")
    assert found.per_query[0].missed == (Target("gone.pdf", 2),)
    assert found.recall[10] == 0.5


@pytest.mark.parametrize("alias", ["documents", "empty"])
def test_where_no_judged_document_is_indexed_there_is_nothing_to_measure(filled: Settings, tmp_path: Path, alias: str) -> None:
    asked = filled.model_copy(update={"collection": alias})
    with pytest.raises(GoldenSetInvalid, match=r"none of its 1 documents is indexed \(other.pdf"):
        evaluate(asked, golden_set(tmp_path, q=("Anything?", {"other.pdf": 1})))


def test_another_collection_can_be_asked(filled: Settings, tmp_path: Path) -> None:
    other = filled.model_copy(update={"collection": "other"})
    golden = golden_set(tmp_path, dough=("How long should the dough rise?", {"bread.md": 1}))
    with pytest.raises(GoldenSetInvalid, match="none of its 1 documents"):
        evaluate(filled, golden, own_collection(other))
    fill(other)
    assert evaluate(filled, golden, own_collection(other)).collection == own_collection(other).name


def test_progress_is_told_for_every_query(filled: Settings, tmp_path: Path) -> None:
    golden = golden_set(tmp_path, **{f"q{number}": (f"dough {number}", {"bread.md": 1}) for number in range(3)})
    told: list[int] = []
    evaluate(filled, golden, progress=told.append)
    assert told == [1, 2, 3]


def test_a_cross_encoder_that_is_asked_for_must_be_there(filled: Settings, tmp_path: Path) -> None:
    golden = golden_set(tmp_path, dough=("How long should the dough rise?", {"bread.md": 1}))
    with pytest.raises(ModelMissing, match="DOCPIPE_RERANKER"):
        evaluate(filled, golden, rerank=True)
