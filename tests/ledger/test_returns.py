"""What comes back, when, and what the audit trail says of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from docpipe.ledger import Ledger
from docpipe.ledger.audit import AuditEvent
from docpipe.models import DocumentStatus, StageName
from docpipe.waiting_line import HELD
from tests.ledger.arrivals import index, register


def events(ledger: Ledger, key: str) -> list[AuditEvent]:
    return [entry.event for entry in ledger.audit_trail(key) if entry.event is not AuditEvent.REGISTERED]


def test_what_is_postponed_waits_until_its_time_and_counts_no_attempt(ledger: Ledger) -> None:
    register(ledger, "a", "b")
    ledger.queue("b1", ["a", "b"])
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    assert ledger.give_back("a", 1, 3, "the budget is spent", not_before=tomorrow, count=False)
    assert ledger.give_back("b", 1, 3, "the budget is spent", not_before=datetime.now(UTC) - timedelta(seconds=1), count=False)
    document = ledger.documents(["a"])["a"]
    assert (document.status, document.attempts, document.not_before, document.error) == (
        DocumentStatus.PENDING,
        0,
        tomorrow,
        "the budget is spent",
    )
    assert [pending.key for pending in ledger.pending(10)] == ["b"]
    # Nor can it be claimed by somebody who knows its key.
    assert ledger.queue("b2", ["a", "b"]) == ["b"]
    assert (ledger.documents(["b"])["b"].not_before, ledger.documents(["b"])["b"].error) == (None, None)
    assert events(ledger, "b") == [AuditEvent.QUEUED, AuditEvent.POSTPONED, AuditEvent.QUEUED]


def test_the_trail_says_who_gave_a_document_back_and_when_it_failed(ledger: Ledger) -> None:
    register(ledger, "a")
    for attempt in (1, 2):
        ledger.queue(f"b{attempt}", ["a"])
        ledger.start(StageName.PARSED_PAGES, {"a": (1, "f", "r")}, f"run{attempt}")
        ledger.close_batch(f"b{attempt}", 2, reason="the worker is gone")
    trail = [entry for entry in ledger.audit_trail("a") if entry.event in (AuditEvent.GIVEN_BACK, AuditEvent.FAILED)]
    assert [(entry.event, entry.attempt, entry.batch_id, entry.run_id, entry.status) for entry in trail] == [
        (AuditEvent.GIVEN_BACK, 1, "b1", "run1", DocumentStatus.PENDING),
        (AuditEvent.FAILED, 2, "b2", "run2", DocumentStatus.FAILED),
    ]
    assert trail[0].error == "the worker is gone"
    assert "Not finished in 2 runs" in str(trail[1].error)


def test_what_is_done_again_is_not_urgent_any_more(ledger: Ledger) -> None:
    register(ledger, "urgent", "low")
    ledger.prioritize(["urgent"], 10)
    ledger.prioritize(["low"], -10)
    index(ledger, ["urgent", "low"])
    ledger.requeue(["urgent", "low"])
    assert [(one.key, one.priority) for one in ledger.pending(10)] == [("urgent", 0), ("low", -10)]
    assert events(ledger, "low")[-1] is AuditEvent.REQUEUED


def test_a_held_document_that_is_replaced_in_the_bucket_goes_on(ledger: Ledger) -> None:
    register(ledger, "a")
    ledger.hold_waiting()
    assert ledger.documents(["a"])["a"].not_before == HELD
    assert ledger.pending(10) == []
    register(ledger, "a", etag="e2")
    assert [pending.key for pending in ledger.pending(10)] == ["a"]
