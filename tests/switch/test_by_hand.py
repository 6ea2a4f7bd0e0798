"""A person sends searches elsewhere, back, and lets a collection go; the sensor respects it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from docpipe.artifacts import ArtifactStore, StoredArtifact
from docpipe.errors import BucketUnavailable, ConfigurationError, ModelMissing
from docpipe.index import open_catalog, open_reader, open_writer
from docpipe.models import StageName
from docpipe.reprocess import plan
from docpipe.switch import Verdict, activate, due, look, new_collection, release, rollback, switch
from docpipe.switch.standing import variables
from tests.receipted import points_of
from tests.switch.conftest import TEXTS, WORSE, Works

MakeWorks = Callable[..., Works]


@pytest.fixture
def switched(works: Works) -> Works:
    """Searches go to the second configuration's collection."""
    works.reprocess(works.second)
    assert switch(works.second).verdict is Verdict.SWITCHED
    return works


def test_a_rollback_stays_whatever_the_sensor_thinks(switched: Works) -> None:
    outcome = rollback(switched.second)
    assert (outcome.verdict, outcome.previous, switched.searched) == (Verdict.SWITCHED, switched.new.name, switched.old.name)
    # The new one is as complete as before, and its setting is still there.
    assert due(switched.second) == ""
    switched.put(more="One more document")
    switched.process(switched.second)
    assert due(switched.second) == ""
    assert variables(look(switched.second).named(switched.old.name).collection, switched.second.settings) == {
        "DOCPIPE_INDEX_QUANTIZATION": ""
    }
    # A second one goes forward again.
    assert (rollback(switched.second).collection, switched.searched) == (switched.new.name, switched.new.name)


def test_after_a_rollback_only_what_changed_since_is_indexed_again(switched: Works) -> None:
    switched.put(gate="The gate is six metres wide", more="One more document")
    switched.process(switched.second)
    rollback(switched.second)
    made = plan(switched.first.ledger, switched.first.stages, switched.first.artifacts)
    assert {name: (stage.stale, stage.found) for name, stage in made.stages.items() if stage.stale} == {"indexed_vectors": (4, 2)}
    results = {result.document.key: result.reused for result in switched.reprocess(switched.first)}
    assert results == {"gate": False, "more": False, "seal": True, "snow": True}
    with open_reader(switched.first.settings) as index:
        assert index.collection == switched.old
        assert set(index.inventory()) == {("gate", 2, 1), ("more", 1, 1), ("seal", 1, 1), ("snow", 1, 1)}
    assert due(switched.first) == ""


def test_points_that_were_written_over_are_not_believed_to_be_there(works: Works) -> None:
    index = works.index_of(works.first)
    for version, text in (("2", "another text"), ("1", TEXTS["gate"])):
        index.version, index.texts = version, {"gate": text}
        works.reprocess(works.first)
        with open_reader(works.first.settings) as reader:
            assert [payload["text"] for payload in reader.passages([("gate", 1, 0)])] == [text]


def test_a_document_whose_receipts_are_out_of_reach_waits(make_works: MakeWorks, monkeypatch: pytest.MonkeyPatch) -> None:
    works = make_works(max_attempts=1)
    works.index_of(works.first).version = "2"
    works.first.ledger.requeue(["gate", "seal"])
    stock = ArtifactStore.list_document

    def list_document(store: ArtifactStore, key: str, *stages: Any) -> Iterator[StoredArtifact]:
        if key == "gate":
            raise BucketUnavailable("the store does not answer")
        return stock(store, key, *stages)

    monkeypatch.setattr(ArtifactStore, "list_document", list_document)
    results = list(works.first.run(StageName.INDEXED_VECTORS, ["gate", "seal"], "run"))
    assert {result.document.key: type(result.error) for result in results} == {"gate": BucketUnavailable, "seal": type(None)}


def test_nothing_to_go_back_to(works: Works) -> None:
    with pytest.raises(ConfigurationError, match="docpipe index"):
        rollback(works.first)


def test_nobody_is_sent_to_a_collection_without_a_model(works: Works) -> None:
    lost = replace(works.old, embedder="/no/such/folder", model_sha256="0" * 64)
    with open_writer(works.first.settings, lost) as index:
        index.replace([points_of("gate", 1, ["one"], lost)])
    with pytest.raises(ModelMissing, match="/no/such/folder"):
        activate(works.first, lost.name, force=True)
    assert works.searched == works.old.name


def test_activation_by_hand_asks_for_as_much_as_the_sensor(make_works: MakeWorks, golden: str) -> None:
    works = make_works(golden_set=golden)
    works.first.ledger.requeue(["gate"])
    works.process(works.second)
    outcome = activate(works.second, works.new.name)
    assert outcome.verdict is Verdict.REFUSED
    assert "2 missing (seal, snow)" in outcome.reason
    works.index_of(works.second).texts = dict(WORSE)
    works.index_of(works.second).version = "2"
    works.reprocess(works.second)
    outcome = activate(works.second, works.new.name)
    assert (outcome.verdict, works.searched) == (Verdict.REFUSED, works.old.name)
    assert "finds less" in outcome.reason
    assert activate(works.second, works.new.name, force=True).verdict is Verdict.SWITCHED
    assert works.searched == works.new.name
    assert due(works.second) == ""
    assert activate(works.second, works.new.name).verdict is Verdict.UNCHANGED
    with pytest.raises(ConfigurationError, match=works.old.name):
        activate(works.second, "documents-nonsense")


def test_what_is_searched_or_written_is_not_released(switched: Works) -> None:
    with pytest.raises(ConfigurationError, match="is searched"):
        release(switched.second, switched.new.name)
    with pytest.raises(ConfigurationError, match="runs write to"):
        release(switched.first, switched.old.name)
    with pytest.raises(ConfigurationError, match="there are"):
        release(switched.second, "documents-nonsense")
    assert len(look(switched.second).listed) == 2


def test_a_released_collection_is_gone_and_may_come_back(switched: Works) -> None:
    assert release(switched.second, switched.old.name) == 3
    assert [one.collection for one in look(switched.second).listed] == [switched.new]
    with pytest.raises(ConfigurationError):
        rollback(switched.second)
    # Nobody believes the receipts of what is gone.
    assert not any(result.reused for result in switched.reprocess(switched.first))
    assert (switch(switched.first).verdict, switched.searched) == (Verdict.SWITCHED, switched.old.name)


def test_a_collection_that_cannot_be_read_is_released_all_the_same(works: Works) -> None:
    with open_writer(works.first.settings, works.new) as index:
        index.replace([points_of("gate", 1, ["one"], works.new)])
    record = next((works.first.settings.home / "index" / works.new.name).glob("*.json"))
    record.write_text('{"schema": 1}')
    assert [one.collection for one in look(works.first).listed] == [works.old]
    assert release(works.first, works.new.name) == 0
    assert not record.parent.exists()


def test_a_release_that_was_cut_off_is_made_again(switched: Works, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("docpipe.switch.by_hand.open_catalog", _killed)
        patch.setattr("docpipe.switch.standing.open_catalog", open_catalog)
        with pytest.raises(KeyboardInterrupt):
            release(switched.second, switched.old.name)
    assert len(look(switched.second).listed) == 2
    assert release(switched.second, switched.old.name) == 0
    assert len(look(switched.second).listed) == 1


def _killed(settings: object) -> None:
    raise KeyboardInterrupt


def test_the_cost_of_a_change_is_named_before_it_is_made(works: Works) -> None:
    made = plan(works.second.ledger, works.second.stages, works.second.artifacts)
    beside = new_collection(works.second, made)
    assert beside is not None
    assert (beside.collection, beside.searched, beside.vectors, beside.dollars) == (works.new.name, works.old.name, 0, 0.0)
    assert beside.megabytes == pytest.approx(3 * 384 * 4 / 1024**2)
    assert new_collection(works.first, plan(works.first.ledger, works.first.stages)) is None
