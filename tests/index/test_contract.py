"""What every engine must do."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from docpipe.errors import ConfigurationError, EmbeddingInvalid
from docpipe.index import Entry, Index, Selection
from docpipe.index import point as point_module
from tests.index.conftest import Open
from tests.index.entries import COLLECTION, DIMENSION, entry

# The client's local mode says that it keeps no payload index; a server does.
pytestmark = pytest.mark.filterwarnings("ignore:Payload indexes have no effect:UserWarning")

EVERYTHING = Selection()


def axis(number: int) -> NDArray[np.float32]:
    vector = np.zeros(DIMENSION, dtype=np.float32)
    vector[number] = 1
    return vector


def stored(index: Index) -> dict[tuple[str, int], int]:
    return {(key, generation): points for key, generation, points in index.inventory()}


def test_a_collection_that_was_never_written_is_empty(open_engine: Open) -> None:
    for _ in range(2):
        with closing(open_engine()) as index:
            assert stored(index) == {}
            assert index.search(axis(0), "zebra", 5, EVERYTHING) == []
            index.delete(["nobody"])
            index.replace([])
            index.replace([Entry("empty", 1, {})])


def test_what_was_stored_is_there_after_reopening(open_engine: Open) -> None:
    with closing(open_engine()) as index:
        index.replace([entry("a"), entry("b", passages=5)])
    with closing(open_engine()) as index:
        assert stored(index) == {("a", 1): 3, ("b", 1): 5}


def test_replacing_is_idempotent(open_engine: Open) -> None:
    with closing(open_engine()) as index:
        for _ in range(3):
            index.replace([entry("a")])
        assert stored(index) == {("a", 1): 3}


def test_a_new_generation_takes_the_place_of_the_old(open_engine: Open) -> None:
    with closing(open_engine()) as index:
        index.replace([entry("a", passages=5), entry("other")])
        index.replace([entry("a", generation=2, passages=2)])
        assert stored(index) == {("a", 2): 2, ("other", 1): 3}


def test_the_same_generation_with_fewer_chunks_leaves_none_behind(open_engine: Open) -> None:
    with closing(open_engine()) as index:
        index.replace([entry("a", passages=5)])
        index.replace([entry("a", passages=2)])
        assert stored(index) == {("a", 1): 2}


def test_a_document_without_chunks_loses_its_points(open_engine: Open) -> None:
    with closing(open_engine()) as index:
        index.replace([entry("a"), entry("b")])
        index.replace([Entry("a", 1, {})])
        index.replace([Entry("b", 2, {})])
        assert stored(index) == {}


def test_delete_removes_exactly_the_named_documents(open_engine: Open) -> None:
    with closing(open_engine()) as index:
        index.replace([entry("a"), entry("a b"), entry("ä/日本")])
        index.delete(["a", "nobody", "ä/日本"])
        assert stored(index) == {("a b", 1): 3}
        index.delete([])
        assert stored(index) == {("a b", 1): 3}


def test_more_points_than_one_slice(open_engine: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(point_module, "UPSERT_POINTS", 7)
    with closing(open_engine()) as index:
        index.replace([entry("a", passages=20), entry("b", passages=1), entry("c", passages=8)])
        assert stored(index) == {("a", 1): 20, ("b", 1): 1, ("c", 1): 8}


def test_both_meaning_and_terms_find_a_point(open_engine: Open) -> None:
    with closing(open_engine()) as index:
        index.replace([entry("a", passages=8)])
        (by_vector, *_) = index.search(axis(2), "nothing of this occurs", 5, EVERYTHING)
        assert by_vector.payload["chunk"] == 2
        both = index.search(axis(2), "a violin", 2, EVERYTHING)
        assert {match.payload["chunk"] for match in both} == {2, 5}
        (agreed, second) = index.search(axis(5), "violins", 2, EVERYTHING)
        assert agreed.payload["chunk"] == 5
        assert agreed.score > second.score


def test_a_query_of_stop_words_goes_by_meaning_alone(open_engine: Open) -> None:
    with closing(open_engine()) as index:
        index.replace([entry("a", passages=8)])
        (first, *_) = index.search(axis(3), "the of and", 3, EVERYTHING)
        assert first.payload["chunk"] == 3


def test_a_match_carries_the_whole_payload(open_engine: Open) -> None:
    with closing(open_engine()) as index:
        index.replace([entry("a")])
        (match,) = index.search(axis(1), "lighthouse", 1, EVERYTHING)
        assert match.payload == {
            "key": "a",
            "generation": 1,
            "chunk": 1,
            "object_key": "a.pdf",
            "document_class": "report",
            "text": "lighthouse a",
            "language": "en",
        }


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (Selection(keys=("b",)), {"b"}),
        (Selection(keys=("a", "c")), {"a", "c"}),
        (Selection(document_classes=("invoice",)), {"b", "c"}),
        (Selection(languages=("de",)), {"c"}),
        (Selection(document_classes=("invoice",), languages=("en",)), {"b"}),
        (Selection(keys=("a",), languages=("de",)), set()),
    ],
)
def test_a_selection_restricts_both_searches(open_engine: Open, selection: Selection, expected: set[str]) -> None:
    with closing(open_engine()) as index:
        index.replace([entry("a"), entry("b", document_class="invoice"), entry("c", document_class="invoice", language="de")])
        assert {match.payload["key"] for match in index.search(axis(0), "zebra a b c", 50, selection)} == expected


def test_more_can_be_asked_for_than_the_usual_candidates(open_engine: Open) -> None:
    with closing(open_engine()) as index:
        index.replace([entry("a", passages=80)])
        assert len(index.search(axis(0), "zebra", 70, EVERYTHING)) == 70


@pytest.mark.parametrize("spoilt", [np.nan, np.inf, 0.0])
def test_a_vector_that_cannot_be_searched_is_refused_before_anything_is_written(open_engine: Open, spoilt: float) -> None:
    bad = entry("bad")
    assert bad.vectors is not None
    bad.vectors[1] = spoilt
    with closing(open_engine()) as index:
        with pytest.raises(EmbeddingInvalid, match="bad"):
            index.replace([entry("good"), bad])
        assert stored(index) == {}


def test_vectors_of_another_dimension_or_number_are_refused(open_engine: Open) -> None:
    good = entry("a")
    assert good.vectors is not None
    with closing(open_engine()) as index:
        for vectors in (good.vectors[:, :4], good.vectors[:2], None):
            with pytest.raises(EmbeddingInvalid):
                index.replace([replace(good, vectors=vectors)])


def test_a_collection_of_another_model_is_not_touched(open_engine: Open) -> None:
    with closing(open_engine()) as index:
        index.replace([entry("a")])
    for other in (replace(COLLECTION, dimension=4), replace(COLLECTION, model_sha256="f" * 64)):
        with pytest.raises(ConfigurationError, match="DOCPIPE_COLLECTION"):
            open_engine(other)
    with closing(open_engine()) as index:
        assert stored(index) == {("a", 1): 3}


def test_a_generation_that_is_kept_and_newer_ones_outlast_a_deletion(open_engine: Open) -> None:
    with closing(open_engine()) as index:
        index.replace([entry("older", 1), entry("kept", 2), entry("newer", 3), entry("whole", 2), entry("other", 1)])
        index.delete(["older", "kept", "newer", "whole"], keep={"older": 2, "kept": 2, "newer": 2, "other": 9})
        assert stored(index) == {("kept", 2): 3, ("newer", 3): 3, ("other", 1): 3}
        index.delete(["kept"], keep={"kept": 3})
        assert stored(index) == {("newer", 3): 3, ("other", 1): 3}
