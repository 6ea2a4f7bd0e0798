from __future__ import annotations

import pytest

from docpipe.ledger import Ledger, StageTotal, documents
from docpipe.models import DocumentStatus, StageName, StageStatus
from tests.ledger.arrivals import arrival, index, register


def test_a_document_is_found_by_either_key(ledger: Ledger) -> None:
    (key,) = register(ledger, "a, b.pdf")
    assert key != "a, b.pdf"
    by_key, by_object_key = ledger.find(key), ledger.find("a, b.pdf")
    assert by_key is not None
    assert by_key == by_object_key


@pytest.mark.parametrize("text", ["", "none", "nul\0", "lone\ud800", "'; drop table documents; --", "%"])
def test_what_is_not_there_is_not_found(ledger: Ledger, text: str) -> None:
    register(ledger, "a")
    assert ledger.find(text) is None


def test_documents_are_listed_in_pages(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = register(ledger, *"gfedcba")
    ledger.queue("b1", ["c", "e", "g"])
    assert [document.key for document in ledger.list_documents(limit=3)] == ["a", "b", "c"]
    assert [document.key for document in ledger.list_documents(after="c", limit=3)] == ["d", "e", "f"]
    assert [document.key for document in ledger.list_documents(DocumentStatus.QUEUED, after="c")] == ["e", "g"]
    for page in (1, 3, 7):
        monkeypatch.setattr(documents, "_PAGE", page)
        assert [document.key for document in ledger.all_documents()] == sorted(keys)


def test_more_keys_than_one_statement_takes_are_looked_up(ledger: Ledger) -> None:
    keys = register(ledger, *(f"{number:05}" for number in range(1_500)))
    assert set(ledger.documents(keys)) == set(keys)
    assert ledger.documents([]) == {}


def test_a_summary_counts_documents_and_work(ledger: Ledger) -> None:
    register(ledger, "a", "b", "c")
    ledger.register([arrival("d", refusal="empty")])
    index(ledger, ["a", "b"])
    ledger.start(StageName.PARSED_PAGES, {"c": (1, "f", "r")}, "run")
    ledger.fail(StageName.PARSED_PAGES, "c", 1, "ParseFailed", "no reader", seconds=0.25)
    summary = ledger.summary()
    assert summary.documents == {DocumentStatus.INDEXED: 2, DocumentStatus.FAILED: 1, DocumentStatus.REFUSED: 1}
    assert summary.stages[StageName.CHUNKS, StageStatus.COMPLETE] == StageTotal(2, 1.0)
    assert summary.stages[StageName.PARSED_PAGES, StageStatus.FAILED] == StageTotal(1, 0.25)
    assert len(summary.stages) == 6


def test_an_empty_ledger_has_an_empty_summary(ledger: Ledger) -> None:
    summary = ledger.summary()
    assert (summary.documents, summary.stages) == ({}, {})


def test_the_content_is_noted_for_its_generation_alone(ledger: Ledger) -> None:
    register(ledger, "a")
    assert ledger.set_content("a", 1, "1" * 64)
    register(ledger, "a", etag="e2")
    assert not ledger.set_content("a", 1, "1" * 64)
    assert ledger.documents(["a"])["a"].content_sha256 is None
    assert not ledger.set_content("none", 1, "1" * 64)


def test_a_superseded_document_waits_for_the_next_look(ledger: Ledger) -> None:
    register(ledger, "a", "b")
    ledger.queue("b1", ["a", "b"])
    ledger.start(StageName.PARSED_PAGES, {"a": (1, "f", "r")}, "run")
    assert ledger.supersede("a", 1)
    document = ledger.documents(["a"])["a"]
    assert (document.status, document.attempts, document.batch_id) == (DocumentStatus.PENDING, 0, None)
    assert ledger.stage_states(["a"])["a", StageName.PARSED_PAGES].error_kind == "Superseded"
    # Nothing runs on it...
    assert ledger.pending(10) == []
    assert ledger.queue("b2", ["a"]) == []
    assert ledger.start(StageName.PARSED_PAGES, {"a": (1, "f", "r")}, "run") == []
    assert not ledger.complete(StageName.PARSED_PAGES, "a", 1, "f", "r", {}, 1.0)
    assert ledger.batch_keys("b1") == ["b"]
    # ... and the look at the bucket finds it changed,
    assert next(ledger.known()).identity != arrival("a").info.identity
    (again,) = ledger.register([arrival("a")])
    assert (again.generation, again.status, again.error) == (2, DocumentStatus.PENDING, None)
    assert [pending.key for pending in ledger.pending(10)] == ["a"]
    assert not ledger.supersede("a", 1)


def test_a_superseded_document_can_be_gone(ledger: Ledger) -> None:
    register(ledger, "a")
    assert ledger.supersede("a", 1)
    assert [known.object_key for known in ledger.known()] == ["a"]
    assert ledger.mark_gone(["a"]) == ["a"]
    assert not ledger.supersede("a", 1)
    assert ledger.tombstone(["a"]) == ["a"]


def _fail_second_generation(ledger: Ledger, key: str, kind: str) -> None:
    ledger.start(StageName.PARSED_PAGES, {key: (2, "f", "r")}, "run")
    ledger.fail(StageName.PARSED_PAGES, key, 2, kind, "why")


def test_only_what_is_refused_or_failed_for_good_leaves_the_index(ledger: Ledger) -> None:
    keys = register(ledger, "parse", "value", "store", "lock", "killed", "killed early", "indexed")
    index(ledger, keys)
    ledger.register([arrival("refused")])
    index(ledger, ["refused"])
    ledger.register([arrival("refused", "e2", refusal="empty")])
    keys = [key for key in register(ledger, *keys, etag="e2") if key != "indexed"]
    index(ledger, ["indexed"], generation=2)
    for key, kind in (("parse", "ParseFailed"), ("value", "ValueError"), ("store", "BucketUnavailable"), ("lock", "IndexLocked")):
        _fail_second_generation(ledger, key, kind)
    ledger.queue("b1", ["killed", "killed early"])
    ledger.start(StageName.PARSED_PAGES, {"killed": (2, "f", "r")}, "run")
    ledger.close_batch("b1", 1)
    assert set(ledger.summary().documents) == {DocumentStatus.FAILED, DocumentStatus.INDEXED, DocumentStatus.REFUSED}
    assert ledger.outdated(10) == ["parse", "refused", "value"]
    assert ledger.outdated(1) == ["parse"]


def test_what_failed_for_good_in_an_earlier_generation_does_not_count_for_this_one(ledger: Ledger) -> None:
    register(ledger, "a")
    index(ledger, ["a"])
    register(ledger, "a", etag="e2")
    _fail_second_generation(ledger, "a", "ParseFailed")
    register(ledger, "a", etag="e3")
    ledger.queue("b1", ["a"])
    ledger.close_batch("b1", 1)
    assert ledger.documents(["a"])["a"].status is DocumentStatus.FAILED
    assert ledger.outdated(10) == []


def test_the_index_state_that_is_forgotten_is_the_old_one(ledger: Ledger) -> None:
    register(ledger, "a", "b")
    index(ledger, ["a", "b"])
    register(ledger, "a", "b", etag="e2")
    index(ledger, ["b"], generation=2)
    ledger.forget_index(["a", "b"])
    states = ledger.stage_states(["a", "b"])
    assert [key for key, stage in states if stage is StageName.INDEXED_VECTORS] == ["b"]
