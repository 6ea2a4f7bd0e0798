from __future__ import annotations

import unicodedata
from datetime import UTC, datetime, timedelta, timezone

import pytest

from docpipe.ledger import Arrival, Ledger, sensing
from docpipe.models import DocumentStatus, ObjectInfo, StageName
from docpipe.partition_key import partition_key
from tests.ledger.arrivals import arrival, index, register


def test_a_new_object_is_the_first_generation(ledger: Ledger) -> None:
    east = datetime(2024, 5, 6, 7, 8, 9, tzinfo=timezone(timedelta(hours=5)))
    info = ObjectInfo("a, b.pdf", 12, "e1", "v1", east)
    (document,) = ledger.register([Arrival(info, "a_ b.pdf~0", "application/pdf", pages_estimate=4)])
    assert document.key == "a_ b.pdf~0"
    assert document.object_key == "a, b.pdf"
    assert document.identity == info.identity
    assert (document.generation, document.status, document.attempts) == (1, DocumentStatus.PENDING, 0)
    assert document.modified == east
    assert document.modified is not None
    assert document.modified.tzinfo is UTC
    assert document.first_seen is not None
    assert document.first_seen == document.updated
    assert ledger.documents([document.key]) == {document.key: document}


def test_a_refused_object_says_why(ledger: Ledger) -> None:
    (document,) = ledger.register([arrival("a", refusal="encrypted\0 \ud800" + "x" * 9_000)])
    assert document.status is DocumentStatus.REFUSED
    assert document.error is not None
    assert document.error.startswith("encrypted \\ud800xxx")
    assert len(document.error) == 4_000
    assert ledger.pending(10) == []


def test_the_same_object_changes_nothing(ledger: Ledger) -> None:
    register(ledger, "a")
    before = ledger.find("a")
    assert ledger.register([arrival("a")]) == []
    assert ledger.find("a") == before


@pytest.mark.parametrize("change", [ObjectInfo("a", 10, "e2"), ObjectInfo("a", 11, "e1"), ObjectInfo("a", 10, "e1", "v2")])
def test_a_changed_object_is_the_next_generation(ledger: Ledger, change: ObjectInfo) -> None:
    register(ledger, "a")
    index(ledger, ["a"])
    ledger.set_content("a", 1, "0" * 64)
    (document,) = ledger.register([Arrival(change, "a", "text/plain")])
    assert (document.generation, document.status, document.media_type) == (2, DocumentStatus.PENDING, "text/plain")
    assert (document.content_sha256, document.batch_id, document.error) == (None, None, None)
    assert document.identity == change.identity
    assert {state.generation for state in ledger.stage_states(["a"]).values()} == {1}


def test_a_failed_object_that_changes_starts_afresh(ledger: Ledger) -> None:
    register(ledger, "a")
    ledger.queue("b1", ["a"])
    ledger.close_batch("b1", 1)
    (document,) = ledger.register([arrival("a", "e2")])
    assert (document.status, document.attempts, document.error, document.batch_id) == (DocumentStatus.PENDING, 0, None, None)


def test_a_document_in_flight_is_left_alone(ledger: Ledger) -> None:
    register(ledger, "queued", "running", "deleting")
    ledger.queue("b1", ["queued", "running"])
    ledger.start(StageName.PARSED_PAGES, {"running": (1, "f", "r")}, "run")
    ledger.mark_gone(["deleting"])
    assert register(ledger, "queued", "running", "deleting", etag="e2") == []
    assert {document.generation for document in ledger.all_documents()} == {1}
    assert {known.identity[0] for known in ledger.known()} == {"e1"}


def test_a_known_object_keeps_its_key(ledger: Ledger) -> None:
    # Another version of Unicode may call another character a letter.
    ledger.register([Arrival(ObjectInfo("a", 1, "e1"), "old-key", "text/plain")])
    (document,) = ledger.register([Arrival(ObjectInfo("a", 1, "e2"), "new-key", "text/plain")])
    assert document.key == "old-key"
    assert ledger.documents(["new-key"]) == {}


def test_the_last_of_two_arrivals_of_one_object_stands(ledger: Ledger) -> None:
    (document,) = ledger.register([arrival("a", "e1"), arrival("a", "e2")])
    assert (document.generation, document.etag) == (1, "e2")


def test_a_deletion_leaves_a_tombstone_and_ends_with_the_next_upload(ledger: Ledger) -> None:
    register(ledger, "a", "b")
    index(ledger, ["a", "b"])
    assert ledger.mark_gone(["a", "none"]) == ["a"]
    assert ledger.mark_gone(["a"]) == []
    assert [known.status for known in ledger.known()] == [DocumentStatus.DELETING, DocumentStatus.INDEXED]
    assert [document.key for document in ledger.list_documents(DocumentStatus.DELETING)] == ["a"]
    assert ledger.tombstone(["a", "b"]) == ["a"]
    assert [known.key for known in ledger.known()] == ["b"]
    assert {key for key, _ in ledger.stage_states(["a", "b"])} == {"b"}
    first_seen = ledger.documents(["a"])["a"].first_seen
    (document,) = ledger.register([arrival("a")])
    assert (document.generation, document.status, document.first_seen) == (2, DocumentStatus.PENDING, first_seen)


def test_what_is_in_a_batch_is_not_marked_gone(ledger: Ledger) -> None:
    register(ledger, "queued", "running", "pending")
    ledger.queue("b1", ["queued", "running"])
    ledger.start(StageName.PARSED_PAGES, {"running": (1, "f", "r")}, "run")
    assert ledger.mark_gone(["queued", "running", "pending"]) == ["pending"]
    assert ledger.tombstone(["queued", "running"]) == []


def test_known_objects_come_in_order_of_their_bytes(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    composed = "größe"
    keys = [
        "a-b",
        "a/b",
        "a0",
        "A",
        "B",
        "Z",
        "a",
        "z",
        "ä",
        "Ä",
        composed,
        unicodedata.normalize("NFD", composed),
        "文",
        "\uffee",
        "💥",
        "a b",
        "a\tb",
        "_",
    ]
    register(ledger, *keys)
    ordered = sorted(keys, key=str.encode)
    for page in (1, 7, len(keys), 1_000):
        monkeypatch.setattr(sensing, "_PAGE", page)
        assert [known.object_key for known in ledger.known()] == ordered
        assert [known.object_key for known in ledger.known(after="a/b")] == ordered[ordered.index("a/b") + 1 :]
    assert [known.key for known in ledger.known()] == [partition_key(key) for key in ordered]


def test_many_arrivals_are_one_call(ledger: Ledger) -> None:
    keys = [f"{number:05}" for number in range(2_500)]
    assert register(ledger, *reversed(keys)) == list(reversed(keys))
    assert register(ledger, *keys, etag="e2") == keys
    assert [known.object_key for known in ledger.known()] == keys
    assert {document.generation for document in ledger.all_documents()} == {2}


def test_the_keys_of_the_longest_objects_are_stored(ledger: Ledger) -> None:
    keys = [chr(0x4E00 + number) * 341 for number in range(3)]
    assert len(register(ledger, *keys)) == 3
