"""The audit trail: every change, in its transaction, by whom, and never changed again."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from docpipe.ledger import Ledger
from docpipe.ledger.actor import act_as, acting, actor
from docpipe.ledger.audit import AuditEvent, note_as_stands
from docpipe.models import DocumentStatus, StageName
from tests.ledger.arrivals import arrival, register

PARSED, CHUNKS = StageName.PARSED_PAGES, StageName.CHUNKS


def events(ledger: Ledger, key: str) -> list[str]:
    return [entry.event for entry in ledger.audit_trail(key)]


def test_a_life_is_told_from_its_first_day_to_its_last(ledger: Ledger) -> None:
    register(ledger, "a")
    ledger.queue("batch", ["a"])
    with acting("run"):
        ledger.start(PARSED, {"a": (1, "f", "r")}, "run-1")
        ledger.complete(PARSED, "a", 1, "f", "r", {"pages": 1}, 0.5, "run-1")
        ledger.start(CHUNKS, {"a": (1, "f", "r")}, "run-1")
        ledger.fail(CHUNKS, "a", 1, "ParseFailed", "no sense in it", traceback="Traceback", run_id="run-1")
    register(ledger, "a", etag="e2")
    ledger.supersede("a", 2)
    ledger.register([arrival("a", "e3", refusal="empty")])
    with acting("sensor"):
        assert ledger.mark_gone(["a"]) == ["a"]
        assert ledger.tombstone(["a"]) == ["a"]
    register(ledger, "a", etag="e4")
    trail = ledger.audit_trail("a")
    assert [(entry.event, entry.generation, entry.status) for entry in trail if entry.event != AuditEvent.QUEUED] == [
        ("registered", 1, "pending"),
        ("started", 1, "running"),
        ("completed", 1, "running"),
        ("started", 1, "running"),
        ("failed", 1, "failed"),
        ("changed", 2, "pending"),
        ("superseded", 2, "pending"),
        ("refused", 3, "refused"),
        ("deleting", 3, "deleting"),
        ("deleted", 3, "deleted"),
        ("registered", 4, "pending"),
    ]
    failed = next(entry for entry in trail if entry.event is AuditEvent.FAILED)
    assert (failed.stage, failed.attempt, failed.run_id, failed.batch_id) == (CHUNKS, 1, "run-1", "batch")
    assert (failed.error_kind, failed.error, failed.actor) == ("ParseFailed", "no sense in it", "run")
    assert [entry.error for entry in trail if entry.event is AuditEvent.REFUSED] == ["empty"]
    assert trail[0].actor == "docpipe"
    assert [entry.actor for entry in trail if entry.event in (AuditEvent.DELETING, AuditEvent.DELETED)] == ["sensor", "sensor"]
    numbers = [entry.number for entry in trail]
    assert numbers == sorted(set(numbers))
    assert all(entry.at.tzinfo for entry in trail)


def test_what_changes_nothing_is_not_entered(ledger: Ledger) -> None:
    register(ledger, "a")
    register(ledger, "a")
    assert ledger.start(PARSED, {"a": (7, "f", "r")}, "run") == []
    assert not ledger.complete(PARSED, "a", 7, "f", "r", {}, 0.1)
    assert not ledger.fail(PARSED, "a", 7, "ParseFailed", "no")
    assert not ledger.supersede("a", 7)
    assert ledger.tombstone(["a"]) == []
    assert events(ledger, "a") == ["registered"]


def test_an_old_version_that_leaves_the_index_is_entered_once(ledger: Ledger) -> None:
    register(ledger, "a")
    for stage in StageName:
        ledger.start(stage, {"a": (1, "f", "r")}, "run")
        ledger.complete(stage, "a", 1, "f", "r", {}, 0.1)
    ledger.register([arrival("a", "e2", refusal="empty")])
    assert ledger.outdated(10) == ["a"]
    ledger.forget_index(["a"])
    ledger.forget_index(["a"])
    assert events(ledger, "a")[-2:] == ["refused", "withdrawn"]
    assert ledger.outdated(10) == []


def test_attempts_are_those_of_the_stage(ledger: Ledger) -> None:
    register(ledger, "a")
    for _ in range(3):
        ledger.start(PARSED, {"a": (1, "f", "r")}, "run")
    assert [entry.attempt for entry in ledger.audit_trail("a") if entry.event is AuditEvent.STARTED] == [1, 2, 3]


def test_pages_of_the_trail_join(ledger: Ledger) -> None:
    register(ledger, "a")
    for _ in range(4):
        ledger.start(PARSED, {"a": (1, "f", "r")}, "run")
    whole = ledger.audit_trail("a")
    first = ledger.audit_trail("a", limit=2)
    assert first + ledger.audit_trail("a", after=first[-1].number) == whole
    assert ledger.audit_trail("b") == []


@pytest.mark.parametrize("statement", ["UPDATE audit SET actor = 'nobody'", "DELETE FROM audit"])
def test_no_entry_is_ever_changed_or_deleted(ledger: Ledger, statement: str) -> None:
    register(ledger, "a")
    with pytest.raises(DBAPIError, match="append-only"), ledger._database.engine.begin() as connection:
        connection.execute(text(statement))
    assert events(ledger, "a") == ["registered"]


def test_a_change_that_fails_leaves_no_entry(ledger: Ledger) -> None:
    register(ledger, "a")

    def change() -> None:
        with ledger._database.write() as connection:
            note_as_stands(connection, AuditEvent.FAILED, ["a"])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        change()
    assert events(ledger, "a") == ["registered"]


def test_threads_of_a_pool_act_as_whoever_started_them() -> None:
    with acting("run"), ThreadPoolExecutor(2, initializer=act_as, initargs=(actor(),)) as threads:
        assert set(threads.map(lambda _: actor(), range(8))) == {"run"}
    with ThreadPoolExecutor(1) as threads, acting("cli:anna"):
        assert threads.submit(actor).result() == "docpipe"
    assert actor() == "docpipe"


def test_a_quarantined_document_is_started_no_more(ledger: Ledger) -> None:
    register(ledger, "a")
    ledger.fail(PARSED, "a", 1, "ParseFailed", "no")
    confinement = ledger.confine("a", 1, None)
    assert confinement is not None
    assert ledger.enter_quarantine(confinement)
    assert ledger.enter_quarantine(confinement)
    assert ledger.start(PARSED, {"a": (1, "f", "r")}, "run") == []
    assert not ledger.supersede("a", 1)
    assert ledger.documents(["a"])["a"].status is DocumentStatus.QUARANTINED
    assert events(ledger, "a") == ["registered", "failed", "quarantined"]
