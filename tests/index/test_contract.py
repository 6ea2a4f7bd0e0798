"""What every engine must do."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from docpipe.errors import ConfigurationError, EmbeddingInvalid
from docpipe.index import Collection, Entry, Fusion, Match, Selection
from docpipe.index import point as point_module
from tests.index.conftest import Engine
from tests.index.entries import axis, entry
from tests.index.local_server import LOCAL_MODE_WARNINGS

pytestmark = LOCAL_MODE_WARNINGS

EVERYTHING = Selection()


def write(engine: Engine, *entries: Entry, collection: Collection | None = None) -> None:
    with engine.writer(collection) as writer:
        writer.replace(entries)


def stored(engine: Engine, collection: Collection | None = None) -> dict[tuple[str, int], int]:
    with engine.reader(collection) as reader:
        return {(key, generation): points for key, generation, points in reader.inventory()}


def search(
    engine: Engine, number: int, text: str, limit: int = 5, selection: Selection = EVERYTHING, fusion: Fusion | None = None
) -> list[Match]:
    with engine.reader() as reader:
        return reader.search(axis(number), text, limit, selection, fusion or Fusion())


def test_a_collection_that_was_never_written_is_empty(engine: Engine) -> None:
    for _ in range(2):
        assert stored(engine) == {}
        assert search(engine, 0, "zebra") == []
        with engine.reader() as reader:
            assert reader.passages([("a", 1, 0)]) == []
            assert reader.collection == engine.collection
        with engine.writer() as writer:
            writer.delete(["nobody"])
            writer.replace([])
            writer.replace([Entry("empty", 1, {})])
    with engine.catalog() as catalog:
        assert catalog.listed() == []


def test_what_was_stored_is_there_after_reopening(engine: Engine) -> None:
    write(engine, entry("a"), entry("b", passages=5))
    assert stored(engine) == {("a", 1): 3, ("b", 1): 5}


def test_replacing_is_idempotent(engine: Engine) -> None:
    with engine.writer() as writer:
        for _ in range(3):
            writer.replace([entry("a")])
    assert stored(engine) == {("a", 1): 3}


def test_a_new_generation_takes_the_place_of_the_old(engine: Engine) -> None:
    with engine.writer() as writer:
        writer.replace([entry("a", passages=5), entry("other")])
        writer.replace([entry("a", generation=2, passages=2)])
    assert stored(engine) == {("a", 2): 2, ("other", 1): 3}
    assert {match.payload["generation"] for match in search(engine, 0, "zebra", 50, Selection(keys=("a",)))} == {2}


def test_an_older_generation_may_come_back(engine: Engine) -> None:
    """The ledger may have been lost, and counts from 1 again."""
    with engine.writer() as writer:
        writer.replace([entry("a", generation=7, passages=5)])
        writer.replace([entry("a", generation=1, passages=2)])
    assert stored(engine) == {("a", 1): 2}
    assert len(search(engine, 0, "zebra")) == 2


def test_the_same_generation_with_fewer_chunks_leaves_none_behind(engine: Engine) -> None:
    with engine.writer() as writer:
        writer.replace([entry("a", passages=5)])
        writer.replace([entry("a", passages=2)])
    assert stored(engine) == {("a", 1): 2}
    assert len(search(engine, 0, "zebra", 50)) == 2


def test_a_document_without_chunks_loses_its_points(engine: Engine) -> None:
    with engine.writer() as writer:
        writer.replace([entry("a"), entry("b")])
        writer.replace([Entry("a", 1, {})])
        writer.replace([Entry("b", 2, {})])
    assert stored(engine) == {}
    assert search(engine, 0, "zebra") == []


def test_delete_removes_exactly_the_named_documents(engine: Engine) -> None:
    with engine.writer() as writer:
        writer.replace([entry("a"), entry("a b"), entry("ä/日本")])
        writer.delete(["a", "nobody", "ä/日本"])
        writer.delete([])
    assert stored(engine) == {("a b", 1): 3}
    assert {match.payload["key"] for match in search(engine, 0, "zebra", 50)} == {"a b"}


def test_a_generation_that_is_kept_and_newer_ones_outlast_a_deletion(engine: Engine) -> None:
    with engine.writer() as writer:
        writer.replace([entry("older", 1), entry("kept", 2), entry("newer", 3), entry("whole", 2), entry("other", 1)])
        writer.delete(["older", "kept", "newer", "whole"], keep={"older": 2, "kept": 2, "newer": 2, "other": 9})
    assert stored(engine) == {("kept", 2): 3, ("newer", 3): 3, ("other", 1): 3}
    assert {match.payload["key"] for match in search(engine, 0, "zebra", 50)} == {"kept", "newer", "other"}
    with engine.writer() as writer:
        writer.delete(["kept"], keep={"kept": 3})
    assert stored(engine) == {("newer", 3): 3, ("other", 1): 3}


def test_a_deleted_document_may_come_back(engine: Engine) -> None:
    with engine.writer() as writer:
        writer.replace([entry("a")])
        writer.delete(["a"])
        writer.replace([entry("a")])
    assert stored(engine) == {("a", 1): 3}
    assert len(search(engine, 0, "zebra", 50)) == 3


def test_more_points_than_one_slice(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(point_module, "UPSERT_POINTS", 7)
    write(engine, entry("a", passages=20), entry("b", passages=1), entry("c", passages=8))
    assert stored(engine) == {("a", 1): 20, ("b", 1): 1, ("c", 1): 8}


def test_more_documents_than_one_request(engine: Engine) -> None:
    keys = [f"d{number}" for number in range(105)]
    write(engine, *(entry(key, passages=1) for key in keys))
    with engine.writer() as writer:
        writer.replace([entry(key, generation=2, passages=2) for key in keys])
    assert stored(engine) == {(key, 2): 2 for key in keys}
    with engine.writer() as writer:
        writer.delete(keys[1:])
    assert stored(engine) == {("d0", 2): 2}


def test_both_meaning_and_terms_find_a_point(engine: Engine) -> None:
    write(engine, entry("a", passages=8))
    (by_vector, *_) = search(engine, 2, "nothing of this occurs")
    assert by_vector.payload["chunk"] == 2
    both = search(engine, 2, "a violin", 2)
    assert {match.payload["chunk"] for match in both} == {2, 5}
    (agreed, second) = search(engine, 5, "violins", 2)
    assert agreed.payload["chunk"] == 5
    assert agreed.score > second.score


def test_a_query_of_stop_words_goes_by_meaning_alone(engine: Engine) -> None:
    write(engine, entry("a", passages=8))
    (first, *_) = search(engine, 3, "the of and", 3)
    assert first.payload["chunk"] == 3
    assert first.sparse is None


def test_weights_decide_between_meaning_and_terms(engine: Engine) -> None:
    write(engine, entry("a", passages=8))
    (match,) = search(engine, 2, "violin", 1, fusion=Fusion(candidates=1, dense=2.0))
    assert match.payload["chunk"] == 2
    (match,) = search(engine, 2, "violin", 1, fusion=Fusion(candidates=1, dense=1.0, sparse=2.0))
    assert match.payload["chunk"] == 5


def test_a_match_says_what_either_search_thought_of_it(engine: Engine) -> None:
    write(engine, entry("a", passages=8))
    found = {match.payload["chunk"]: match for match in search(engine, 2, "violin", 8)}
    near, named, neither = found[2], found[5], found[0]
    assert near.dense is not None
    assert near.dense.rank == 1
    assert near.dense.score == pytest.approx(1, abs=1e-3)
    assert near.sparse is None
    assert named.sparse is not None
    assert named.sparse.rank == 1
    assert named.sparse.score > 0
    assert neither.dense is not None
    assert neither.dense.rank > 1
    assert neither.dense.score == pytest.approx(0, abs=1e-3)
    assert [match.score for match in found.values()] == sorted((match.score for match in found.values()), reverse=True)


def test_candidates_limit_what_either_search_brings(engine: Engine) -> None:
    write(engine, entry("a", passages=8))
    found = search(engine, 2, "violin", 1, fusion=Fusion(candidates=1))
    assert len(found) == 1
    assert len(search(engine, 2, "nothing of this occurs", 5, fusion=Fusion(candidates=1))) == 5


def test_a_match_carries_the_whole_payload(engine: Engine) -> None:
    write(engine, entry("a", tags=["x"], date="2024-05-01T00:00:00+00:00"))
    (match,) = search(engine, 1, "lighthouse", 1)
    payload = {
        "key": "a",
        "generation": 1,
        "chunk": 1,
        "object_key": "a.pdf",
        "document_class": "report",
        "tags": ["x"],
        "date": "2024-05-01T00:00:00+00:00",
        "text": "lighthouse a",
        "language": "en",
    }
    assert match.payload == payload
    with engine.reader() as reader:
        assert reader.passages([("a", 1, 1)]) == [payload]


def test_passages_come_as_they_are_asked_for(engine: Engine) -> None:
    write(engine, entry("a"), entry("b", generation=3))
    wanted = [("b", 3, 2), ("a", 1, 0), ("a", 1, 3), ("a", 2, 0), ("nobody", 1, 0), ("a", 1, 1)]
    with engine.reader() as reader:
        assert [(one["key"], one["chunk"]) for one in reader.passages(wanted)] == [("b", 2), ("a", 0), ("a", 1)]
        assert reader.passages([]) == []


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        pytest.param(Selection(keys=("b",)), {"b"}, id="one-key"),
        pytest.param(Selection(keys=("a", "c")), {"a", "c"}, id="two-keys"),
        pytest.param(Selection(document_classes=("invoice",)), {"b", "c"}, id="class"),
        pytest.param(Selection(languages=("de",)), {"c"}, id="language"),
        pytest.param(Selection(document_classes=("invoice",), languages=("en",)), {"b"}, id="class-and-language"),
        pytest.param(Selection(keys=("a",), languages=("de",)), set(), id="nothing"),
        pytest.param(Selection(tags=("reports",)), {"a", "b"}, id="folder"),
        pytest.param(Selection(tags=("reports/2024", "mail")), {"b", "c"}, id="two-folders"),
        pytest.param(Selection(since=datetime(2024, 3, 1, tzinfo=UTC)), {"b", "c"}, id="since-includes"),
        pytest.param(Selection(before=datetime(2024, 3, 1, tzinfo=UTC)), {"a"}, id="before-excludes"),
        pytest.param(
            Selection(since=datetime(2024, 2, 1, tzinfo=UTC), before=datetime(2024, 4, 1, tzinfo=UTC), tags=("reports",)), {"b"}, id="both"
        ),
    ],
)
def test_a_selection_restricts_both_searches(engine: Engine, selection: Selection, expected: set[str]) -> None:
    write(
        engine,
        entry("a", tags=["reports"], date="2024-01-31T23:59:59+00:00"),
        entry("b", tags=["reports", "reports/2024"], document_class="invoice", date="2024-03-01T00:00:00+00:00"),
        entry("c", tags=["mail"], document_class="invoice", language="de", date="2024-06-01T12:00:00.5+00:00"),
        entry("undated", document_class="note", language="fr"),
    )
    everything = {"a", "b", "c", "undated"}
    assert {match.payload["key"] for match in search(engine, 0, "zebra a b c", 50)} == everything
    assert {match.payload["key"] for match in search(engine, 0, "zebra a b c", 50, selection)} == expected


def test_more_can_be_asked_for_than_the_usual_candidates(engine: Engine) -> None:
    write(engine, entry("a", passages=80))
    assert len(search(engine, 0, "zebra", 70)) == 70


@pytest.mark.parametrize("quantization", ["int8", "binary"])
def test_quantized_vectors_are_compared_in_full_at_the_end(engine: Engine, quantization: str) -> None:
    collection = replace(engine.collection, quantization=quantization)
    write(engine, entry("a", passages=8), collection=collection)
    with engine.reader(collection) as reader:
        (first, *_) = reader.search(axis(6), "nothing of this occurs", 3, EVERYTHING)
    assert first.payload["chunk"] == 6
    assert first.dense is not None
    assert first.dense.score == pytest.approx(1, abs=1e-3)


def test_a_reader_that_was_open_before_sees_what_a_writer_closed(engine: Engine) -> None:
    with engine.reader() as reader:
        assert reader.search(axis(0), "zebra", 5, EVERYTHING) == []
        write(engine, entry("a"))
        refresh(reader)
        assert len(reader.search(axis(0), "zebra", 5, EVERYTHING)) == 3
        write(engine, entry("a", generation=2, passages=1), entry("b"))
        refresh(reader)
        assert {(key, generation) for key, generation, _ in reader.inventory()} == {("a", 2), ("b", 1)}
        assert {match.payload["generation"] for match in reader.search(axis(0), "zebra a", 50, Selection(keys=("a",)))} == {2}


def refresh(reader: object) -> None:
    """Let a reader that answers from a published state take the newest one at once; others always do."""
    if newest := getattr(reader, "refresh", None):
        newest()


@pytest.mark.parametrize("spoilt", [np.nan, np.inf, 0.0])
def test_a_vector_that_cannot_be_searched_is_refused_before_anything_is_written(engine: Engine, spoilt: float) -> None:
    bad = entry("bad")
    assert bad.vectors is not None
    bad.vectors[1] = spoilt
    with engine.writer() as writer, pytest.raises(EmbeddingInvalid, match="bad"):
        writer.replace([entry("good"), bad])
    assert stored(engine) == {}


def test_vectors_of_another_dimension_or_number_are_refused(engine: Engine) -> None:
    good = entry("a")
    assert good.vectors is not None
    with engine.writer() as writer:
        for vectors in (good.vectors[:, :4], good.vectors[:2], None):
            with pytest.raises(EmbeddingInvalid):
                writer.replace([replace(good, vectors=vectors)])


def test_the_first_collection_is_searched_and_another_model_stands_beside_it(engine: Engine) -> None:
    other = replace(engine.collection, model_sha256="f" * 64, embedder="other")
    write(engine, entry("a"))
    write(engine, entry("b"), entry("c"), collection=other)
    assert stored(engine) == {("a", 1): 3}
    assert stored(engine, other) == {("b", 1): 3, ("c", 1): 3}
    with engine.catalog() as catalog:
        listed = {one.collection: (one.points, one.active) for one in catalog.listed()}
        assert listed == {engine.collection: (3, True), other: (6, False)}


def test_searches_move_when_another_collection_is_activated_and_back(engine: Engine) -> None:
    other = replace(engine.collection, model_sha256="f" * 64)
    write(engine, entry("a"))
    write(engine, entry("b"), collection=other)
    with engine.catalog() as catalog:
        for activated in (other, other, engine.collection):
            catalog.activate(activated.name)
            assert [one.collection for one in catalog.listed() if one.active] == [activated]
    with engine.catalog() as catalog:
        assert [one.collection for one in catalog.listed() if one.active] == [engine.collection]
    write(engine, entry("c"), collection=other)
    assert stored(engine, other) == {("b", 1): 3, ("c", 1): 3}
    with engine.catalog() as catalog:
        assert [one.collection for one in catalog.listed() if one.active] == [engine.collection]


def test_only_a_collection_that_is_not_searched_can_be_dropped(engine: Engine) -> None:
    other = replace(engine.collection, model_sha256="f" * 64)
    write(engine, entry("a"))
    write(engine, entry("b"), collection=other)
    with engine.catalog() as catalog:
        with pytest.raises(ConfigurationError, match="searched"):
            catalog.drop(engine.collection.name)
        catalog.drop(other.name)
        assert [one.collection for one in catalog.listed()] == [engine.collection]
        for absent in (other.name, "else-01234567", engine.collection.alias, ""):
            with pytest.raises(ConfigurationError):
                catalog.drop(absent)
            with pytest.raises(ConfigurationError):
                catalog.activate(absent)
    assert stored(engine) == {("a", 1): 3}
    write(engine, entry("c"), collection=other)
    assert stored(engine, other) == {("c", 1): 3}
