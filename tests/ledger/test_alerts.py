from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from docpipe.alerts.state import AlertState, Phase
from docpipe.ledger import Ledger
from docpipe.metrics.sample import Sample
from tests.alerts.notices import notice

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
STATE = AlertState("waits", {"lane": "cpu", "text": "ä'\""}, Phase.FIRING, NOW, NOW, 5.5, held=12.5, quiet=3.0, told=True)


def test_states_come_back_as_they_went_in_and_replace_each_other(ledger: Ledger) -> None:
    second = replace(STATE, labels={"lane": "gpu"}, phase=Phase.PENDING, quiet=None, told=False)
    ledger.enter_alerts([STATE, second], [], NOW)
    assert ledger.alert_states() == [STATE, second]
    ledger.enter_alerts([replace(STATE, value=6.0)], [], NOW)
    assert ledger.alert_states() == [replace(STATE, value=6.0)]
    ledger.enter_alerts([], [], NOW)
    assert ledger.alert_states() == []


def test_notices_wait_until_they_arrived(ledger: Ledger) -> None:
    ledger.enter_alerts([STATE], [notice(at=NOW, message="one\0"), notice(at=NOW, sink="webhook")], NOW)
    assert ledger.notice_sinks() in (["log", "webhook"], ["webhook", "log"])
    (first,) = ledger.due_notices("log", NOW, 600, 10)
    assert first == notice(at=NOW, message="one", number=first.number)
    assert ledger.due_notices("log", NOW - timedelta(seconds=1), 600, 10) == []
    ledger.postpone_notice(first.number, 60, "no answer")
    now = datetime.now(UTC)
    assert ledger.due_notices("log", now, 600, 10) == []
    assert [(one.attempts, error) for one, error in ledger.unsent_notices() if one.sink == "log"] == [(1, "no answer")]
    assert [one.number for one in ledger.due_notices("log", now + timedelta(seconds=61), 600, 10)] == [first.number]
    ledger.end_notice(first.number)
    assert ledger.notice_sinks() == ["webhook"]


def test_notices_that_arrived_long_ago_are_forgotten(ledger: Ledger) -> None:
    number = ledger.add_notice(notice())
    ledger.end_notice(number)
    later = ledger.add_notice(notice(message="still to tell"))
    assert later > number
    ledger.enter_alerts([], [], datetime.now(UTC) + timedelta(days=31))
    assert [one.number for one, _ in ledger.unsent_notices()] == [later]


def test_the_reading_of_a_moment_is_the_last_one_before_it(ledger: Ledger) -> None:
    assert ledger.reading(NOW, NOW) is None
    for number in range(4):
        ledger.keep_reading(NOW + timedelta(minutes=number), [Sample("a", number, {"b": "c"})], NOW - timedelta(days=1))

    def read(minutes: float) -> list[Sample] | None:
        return ledger.reading(NOW + timedelta(minutes=minutes), NOW + timedelta(minutes=60))

    assert read(1.5) == [Sample("a", 1.0, {"b": "c"})]
    assert read(3) == [Sample("a", 3.0, {"b": "c"})]
    assert read(-99) == [Sample("a", 0.0, {"b": "c"})]
    ledger.keep_reading(NOW + timedelta(minutes=4), [], NOW + timedelta(minutes=2.5))
    assert read(-99) == [Sample("a", 2.0, {"b": "c"})]
    assert read(4) == []
