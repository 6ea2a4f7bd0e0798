from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event

from docpipe.ledger import Ledger, PendingDocument
from docpipe.models import DocumentStatus, StageName, StageStatus
from docpipe.waiting_line import PRIORITY_SECONDS
from tests.ledger.arrivals import arrival, index, register


def test_pending_documents_come_oldest_first(ledger: Ledger) -> None:
    register(ledger, "z")
    register(ledger, "b", "a")
    ledger.register([arrival("refused", refusal="empty")])
    assert ledger.pending(10) == [PendingDocument(key, 10, 3) for key in ("z", "a", "b")]
    assert [pending.key for pending in ledger.pending(2)] == ["z", "a"]


def test_only_what_is_pending_is_claimed_in_the_order_asked_for(ledger: Ledger) -> None:
    register(ledger, "a", "b", "c", "d")
    assert ledger.queue("b1", ["c", "none", "a", "c"]) == ["c", "a"]
    assert ledger.queue("b2", ["a", "b", "c"]) == ["b"]
    assert ledger.queue("b3", ["a", "none"]) == []
    assert [(batch.batch_id, batch.documents, batch.unfinished) for batch in ledger.open_batches()] == [("b1", 2, 2), ("b2", 1, 1)]
    assert ledger.batch_keys("b1") == ["a", "c"]
    assert ledger.documents(["a"])["a"].status is DocumentStatus.QUEUED
    assert [pending.key for pending in ledger.pending(10)] == ["d"]


def test_a_batch_knows_its_range(ledger: Ledger) -> None:
    register(ledger, "a", "b")
    ledger.queue("b1", ["a", "b"])
    (batch,) = ledger.open_batches()
    assert (batch.range_start, batch.range_end, batch.created.tzinfo) == (None, None, UTC)
    ledger.set_batch_range("b1", "a", "b")
    (batch,) = ledger.open_batches()
    assert (batch.range_start, batch.range_end) == ("a", "b")


def test_a_batch_that_is_done_gives_nothing_back(ledger: Ledger) -> None:
    register(ledger, "a", "b")
    ledger.queue("b1", ["a", "b"])
    index(ledger, ["a"])
    ledger.start(StageName.PARSED_PAGES, {"b": (1, "f", "r")}, "run")
    ledger.fail(StageName.PARSED_PAGES, "b", 1, "ParseFailed", "no reader")
    assert [batch.unfinished for batch in ledger.open_batches()] == [0]
    assert ledger.close_batch("b1", 3) == []
    assert ledger.open_batches() == []
    assert ledger.batch_keys("b1") == ["a", "b"]
    assert {document.attempts for document in ledger.all_documents()} == {0}


def test_what_a_run_left_goes_back_to_the_end_of_the_line(ledger: Ledger) -> None:
    register(ledger, "a", "b", "c")
    ledger.queue("b1", ["a", "b"])
    ledger.start(StageName.PARSED_PAGES, {"a": (1, "f", "r")}, "run")
    assert ledger.close_batch("b1", 3) == ["a", "b"]
    assert [pending.key for pending in ledger.pending(10)] == ["c", "a", "b"]
    for document in ledger.documents(["a", "b"]).values():
        assert (document.status, document.attempts, document.batch_id, document.error) == (DocumentStatus.PENDING, 1, None, None)
    state = ledger.stage_states(["a"])["a", StageName.PARSED_PAGES]
    assert (state.status, state.error_kind) == (StageStatus.FAILED, "WorkerLost")
    assert ledger.close_batch("b1", 3) == []


def test_a_document_that_every_run_dies_on_fails(ledger: Ledger) -> None:
    register(ledger, "a")
    for attempt in (1, 2, 3):
        assert ledger.queue(f"b{attempt}", ["a"]) == ["a"]
        ledger.start(StageName.PARSED_PAGES, {"a": (1, "f", "r")}, f"run{attempt}")
        assert ledger.close_batch(f"b{attempt}", 3) == ["a"]
    document = ledger.documents(["a"])["a"]
    assert (document.status, document.attempts, document.batch_id) == (DocumentStatus.FAILED, 3, "b3")
    assert document.error is not None
    assert "Not finished in 3 runs" in document.error
    assert ledger.pending(10) == []


def test_a_document_that_came_back_is_not_the_old_batch_s(ledger: Ledger) -> None:
    register(ledger, "a")
    ledger.queue("b1", ["a"])
    ledger.close_batch("b1", 3)
    ledger.queue("b2", ["a"])
    assert ledger.close_batch("b1", 3) == []
    assert ledger.documents(["a"])["a"].status is DocumentStatus.QUEUED


def test_a_run_outside_of_any_batch_is_ended_too(ledger: Ledger) -> None:
    register(ledger, "a", "b", "c")
    ledger.queue("b1", ["a", "b", "c"])
    index(ledger, ["a", "b"])
    for stage in (StageName.PARSED_PAGES, StageName.CHUNKS):
        ledger.start(stage, dict.fromkeys(("a", "b"), (1, "f2", "r")), "from-the-ui")
    ledger.start(StageName.PARSED_PAGES, {"c": (1, "f", "r")}, "run")
    assert ledger.loose_runs() == {"from-the-ui": ["a", "b"]}
    assert ledger.batch_keys("b1") == ["c"]
    assert ledger.close_run("from-the-ui", 3) == ["a", "b"]
    assert ledger.loose_runs() == {}
    assert [pending.key for pending in ledger.pending(10)] == ["a", "b"]
    assert ledger.close_run("run", 3) == []
    assert ledger.documents(["c"])["c"].status is DocumentStatus.RUNNING


def test_one_document_of_a_batch_is_given_back_alone(ledger: Ledger) -> None:
    register(ledger, "a", "b")
    ledger.queue("b1", ["a", "b"])
    ledger.start(StageName.PARSED_PAGES, {"a": (1, "f", "r")}, "run")
    assert not ledger.give_back("a", 2, 3, "another generation")
    assert ledger.give_back("a", 1, 3, "the index is locked\0 \ud800")
    document = ledger.documents(["a"])["a"]
    assert (document.status, document.attempts, document.batch_id) == (DocumentStatus.PENDING, 1, None)
    assert ledger.stage_states(["a"])["a", StageName.PARSED_PAGES].error == "Not finished: the index is locked \\ud800"
    assert ledger.batch_keys("b1") == ["b"]
    assert not ledger.give_back("a", 1, 3, "not in flight any more")


def test_settled_documents_are_queued_anew(ledger: Ledger) -> None:
    register(ledger, "indexed", "failed", "queued", "gone")
    ledger.register([arrival("refused", refusal="encrypted")])
    index(ledger, ["indexed"])
    ledger.fail(StageName.PARSED_PAGES, "failed", 1, "ParseFailed", "no reader")
    ledger.queue("b1", ["queued"])
    ledger.mark_gone(["gone"])
    assert ledger.requeue(["indexed", "failed", "queued", "gone", "refused", "none"]) == ["failed", "indexed", "refused"]
    assert [pending.key for pending in ledger.pending(10)] == ["failed", "indexed"]
    found = ledger.documents(["failed", "refused"])
    assert (found["failed"].error, found["failed"].generation) == (None, 1)
    # The refused one is not taken as it is: it is looked at again first.
    assert [document.generation for document in ledger.register([arrival("refused"), arrival("failed")])] == [2]


def test_what_a_run_left_without_dying_on_it_costs_no_attempt(ledger: Ledger) -> None:
    register(ledger, "a", "b")
    for batch in ("b1", "b2"):
        ledger.queue(batch, ["a"])
        assert ledger.close_batch(batch, 1, count=False) == ["a"]
    ledger.start(StageName.PARSED_PAGES, {"b": (1, "f", "r")}, "from-the-ui")
    assert ledger.close_run("from-the-ui", 1, count=False) == ["b"]
    assert ledger.open_batches() == []
    for document in ledger.all_documents():
        assert (document.status, document.attempts, document.error) == (DocumentStatus.PENDING, 0, None)


def test_a_document_that_is_indexed_forgets_the_runs_that_died_on_it(ledger: Ledger) -> None:
    register(ledger, "a")
    ledger.queue("b1", ["a"])
    ledger.close_batch("b1", 3)
    assert ledger.documents(["a"])["a"].attempts == 1
    index(ledger, ["a"])
    assert ledger.documents(["a"])["a"].attempts == 0


def test_a_run_knows_the_documents_it_began_on(ledger: Ledger) -> None:
    register(ledger, "a", "b", "c")
    ledger.queue("b1", ["a", "b", "c"])
    ledger.start(StageName.PARSED_PAGES, {"a": (1, "f", "r"), "b": (1, "f", "r")}, "one")
    ledger.start(StageName.CHUNKS, {"b": (1, "f", "r")}, "two")
    assert (ledger.run_keys("one"), ledger.run_keys("two"), ledger.run_keys("none")) == (["a"], ["b"], [])


def test_urgent_documents_and_the_others_wait_in_lines_of_their_own(ledger: Ledger) -> None:
    register(ledger, "a", "b", "c")
    ledger.prioritize(["b"], 10)
    ledger.prioritize(["c"], -10)
    assert [pending.key for pending in ledger.pending(10)] == ["b", "a", "c"]
    assert [pending.key for pending in ledger.pending(10, urgent=True)] == ["b"]
    assert [pending.key for pending in ledger.pending(10, urgent=False)] == ["a", "c"]
    assert ledger.prioritize(["a", "b"], 5, only_raise=True) == ["a"]
    ledger.queue("batch", ["a", "b"])
    assert [batch.priority for batch in ledger.open_batches()] == [10]
    # What is in a batch travels as it does.
    assert ledger.prioritize(["a"], 1) == []


def test_age_overtakes_priority(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    class Before(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return datetime.now(UTC) - timedelta(seconds=PRIORITY_SECONDS * 10 + 5)

    with monkeypatch.context() as patched:
        patched.setattr("docpipe.ledger.sensing.datetime", Before)
        register(ledger, "old")
    register(ledger, "urgent", "more urgent")
    ledger.prioritize(["urgent"], 10)
    ledger.prioritize(["more urgent"], 11)
    assert [pending.key for pending in ledger.pending(2)] == [ledger.find("more urgent").key, "old"]  # type: ignore[union-attr]


def test_the_queries_of_a_tick_read_an_index(ledger: Ledger) -> None:
    """Of 100,000 documents that rest, or are indexed, a tick reads none."""
    register(ledger, *(f"{number:04}" for number in range(2_000)))
    ledger.hold_waiting()
    register(ledger, "ready")
    seen: list[tuple[str, Any]] = []
    event.listen(ledger._database.engine, "before_cursor_execute", lambda c, cursor, statement, p, x, m: seen.append((statement, p)))
    assert len(ledger.pending(10)) == 1
    ledger.run_keys("run")
    asked = [(statement, parameters) for statement, parameters in seen if statement.strip().startswith("SELECT")]
    assert len(asked) > 2
    explain = "EXPLAIN QUERY PLAN " if ledger._database.is_sqlite else "EXPLAIN "
    with ledger._database.read() as connection:
        if not ledger._database.is_sqlite:
            connection.exec_driver_sql("ANALYZE documents")
        for statement, parameters in asked:
            plan = " ".join(str(row) for row in connection.exec_driver_sql(explain + statement, parameters))
            wanted = "documents_by_run" if "run_id" in statement else "documents_resting" if "<=" in statement else "documents_waiting"
            assert wanted in plan, (statement, plan)
            # Read in order, not sorted.
            assert "TEMP B-TREE" not in plan, (statement, plan)
            assert "Sort" not in plan, (statement, plan)
