"""Cancelled, held, resumed: nothing is lost and nothing goes on by itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from docpipe.cost.budget import LONGEST_WAIT
from docpipe.ledger import Ledger
from docpipe.ledger.holds import Line, Resumed
from docpipe.models import DocumentStatus, StageName
from tests.ledger.arrivals import index, register


def statuses(ledger: Ledger) -> dict[str, DocumentStatus]:
    return {document.key: document.status for document in ledger.all_documents()}


@pytest.fixture
def cancelled(ledger: Ledger) -> Ledger:
    """A batch of three, one of them indexed, that is cancelled and over."""
    register(ledger, "a", "b", "c")
    ledger.queue("batch-1", ["a", "b", "c"])
    index(ledger, ["a"])
    ledger.start(StageName.PARSED_PAGES, {"b": (1, "f", "r")}, "run")
    assert ledger.cancel("batch") == "batch-1"
    assert ledger.is_cancelled("run", "batch-1")
    assert sorted(ledger.close_batch("batch-1", 3, hold=True, reason="cancelled")) == ["b", "c"]
    return ledger


def test_what_a_cancelled_batch_did_stays_and_the_rest_is_held(cancelled: Ledger) -> None:
    assert statuses(cancelled) == {"a": DocumentStatus.INDEXED, "b": DocumentStatus.PENDING, "c": DocumentStatus.PENDING}
    assert cancelled.pending(10) == []
    assert [(cancelled.documents([key])[key].attempts, cancelled.documents([key])[key].error) for key in "bc"] == [(0, "cancelled")] * 2
    assert (cancelled.line().ready, cancelled.line().held) == (0, 2)
    (progress,) = cancelled.batch_progress()
    assert (progress.state, progress.documents, progress.unfinished, progress.statuses[DocumentStatus.INDEXED]) == ("cancelled", 3, 0, 1)
    # Over: a run that somebody executes again from the UI is not stopped by the old mark.
    assert not cancelled.is_cancelled("run", "batch-1")


def test_no_clock_lets_it_go_on(cancelled: Ledger) -> None:
    assert cancelled.free_beyond(datetime.now(UTC) + LONGEST_WAIT) == 0
    assert cancelled.pending(10) == []


def test_it_goes_on_where_it_was_when_it_is_resumed(cancelled: Ledger) -> None:
    assert cancelled.resume("none").documents == []
    assert cancelled.resume("batch").documents == ["b", "c"]
    assert {pending.key for pending in cancelled.pending(10)} == {"b", "c"}
    assert cancelled.resume("batch").documents == []
    assert cancelled.line().held == 0


def test_a_document_of_it_can_be_started_by_hand(cancelled: Ledger) -> None:
    index(cancelled, ["b"], run_id="from-the-ui")
    assert cancelled.documents(["b"])["b"].status is DocumentStatus.INDEXED
    cancelled.requeue(["b"])
    assert [pending.key for pending in cancelled.pending(10)] == ["b"]


def test_a_run_outside_of_any_batch_is_cancelled_by_its_own_id(ledger: Ledger) -> None:
    register(ledger, "a")
    ledger.start(StageName.PARSED_PAGES, {"a": (1, "f", "r")}, "from-the-ui")
    assert ledger.cancel("from-the") == "from-the-ui"
    assert ledger.is_cancelled("from-the-ui")
    # The mark is no batch that a run would be requested for.
    assert ledger.open_batches() == []
    assert ledger.close_run("from-the-ui", 3, hold=True, reason="cancelled") == ["a"]
    assert ledger.line().held == 1
    assert ledger.resume("from-the-ui").documents == ["a"]


def test_a_run_of_a_batch_stands_for_its_batch(ledger: Ledger) -> None:
    register(ledger, "a")
    ledger.queue("batch", ["a"])
    ledger.start(StageName.PARSED_PAGES, {"a": (1, "f", "r")}, "run")
    assert ledger.cancel("run") == "batch"


@pytest.mark.parametrize("name", ["", "none", "%", "_", "b", "\0"])
def test_what_names_no_batch_or_several_cancels_none(ledger: Ledger, name: str) -> None:
    register(ledger, "a", "b")
    ledger.queue("b1", ["a"])
    ledger.queue("b2", ["b"])
    assert ledger.cancel(name) is None
    assert not ledger.is_cancelled("b1", "b2")


def test_a_batch_that_is_over_is_not_cancelled(ledger: Ledger) -> None:
    register(ledger, "a")
    ledger.queue("b1", ["a"])
    ledger.close_batch("b1", 3)
    assert ledger.cancel("b1") is None


def test_all_that_waits_is_held_and_batches_that_have_begun_go_on(ledger: Ledger) -> None:
    register(ledger, "a", "b", "c")
    ledger.queue("begun", ["a"])
    ledger.start(StageName.PARSED_PAGES, {"a": (1, "f", "r")}, "run")
    ledger.queue("waits", ["b"])
    assert ledger.hold_waiting() == (1, ["waits"])
    assert not ledger.is_cancelled("begun")
    assert ledger.hold_waiting() == (0, [])
    register(ledger, "new")
    assert [pending.key for pending in ledger.pending(10)] == ["new"]
    # A name that is none resumes nothing, though what is held by hand is in no batch.
    assert ledger.resume("typo") == Resumed([], [])
    # The batch that has not ended yet goes on as well: else the next tick would hold its documents for ever.
    assert ledger.resume() == Resumed(["c"], ["waits"])
    assert not ledger.is_cancelled("waits")


def test_what_rests_is_held_too_whether_its_time_has_come_or_not(ledger: Ledger) -> None:
    register(ledger, "rested", "resting")
    for key, hours in (("rested", -1), ("resting", 1)):
        ledger.queue(key, [key])
        ledger.give_back(key, 1, 3, "away", not_before=datetime.now(UTC) + timedelta(hours=hours), count=False)
    assert [pending.key for pending in ledger.pending(10)] == ["rested"]
    assert ledger.hold_waiting()[0] == 2
    assert ledger.pending(10) == []
    assert ledger.line() == Line(ready=0, resting=0, held=2)


def test_a_cancellation_is_taken_back_while_the_batch_is_still_open(ledger: Ledger) -> None:
    register(ledger, "a")
    ledger.queue("b1", ["a"])
    ledger.cancel("b1")
    assert ledger.resume("b1") == Resumed([], ["b1"])
    assert not ledger.is_cancelled("b1")


def test_open_batches_are_listed_first_and_the_list_is_cut(ledger: Ledger) -> None:
    register(ledger, "a", "b", "c")
    for key in "abc":
        ledger.queue(f"batch-{key}", [key])
    for key in "bc":
        ledger.close_batch(f"batch-{key}", 3)
    assert [(one.batch_id, one.state) for one in ledger.batch_progress(2)] == [("batch-a", "requested"), ("batch-c", "over")]


def test_clocks_that_were_ahead_do_not_put_a_document_at_the_end_of_the_line(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    class Ahead(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return datetime.now(UTC) + timedelta(days=1)

    with monkeypatch.context() as patched:
        patched.setattr("docpipe.ledger.sensing.datetime", Ahead)
        register(ledger, "from tomorrow")
    register(ledger, "today")
    assert ledger.set_clocks_right() == 1
    assert ledger.set_clocks_right() == 0
    register(ledger, "later")
    assert [pending.key for pending in ledger.pending(10)][-1] == "later"
