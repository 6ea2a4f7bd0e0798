"""The way of an alert, step by step, on clocks that may do anything."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docpipe.alerts.rule import Rule
from docpipe.alerts.state import AlertState, NoticeKind, Phase, step
from tests.alerts.rules import rule

START = datetime(2026, 11, 22, tzinfo=UTC)
FIRING, RESOLVED = NoticeKind.FIRING, NoticeKind.RESOLVED


class Alert:
    """One alert, looked at whenever a test says so."""

    def __init__(self, rule: Rule) -> None:
        self.rule, self.now = rule, START
        self.state: AlertState | None = None

    def look(self, value: float | None, after: float = 60.0) -> NoticeKind | None:
        self.now += timedelta(seconds=after)
        self.state, notice = step(self.rule, {"lane": "cpu"}, value, self.state, self.now)
        return notice

    @property
    def phase(self) -> Phase | None:
        return self.state.phase if self.state else None


def test_it_fires_after_the_time_it_has_to_hold() -> None:
    alert = Alert(rule(hold_seconds=120))
    assert [alert.look(11) for _ in range(3)] == [None, None, FIRING]
    assert alert.phase is Phase.FIRING
    assert alert.state is not None
    assert alert.state.since == alert.now


def test_one_that_stops_before_that_is_forgotten_untold() -> None:
    alert = Alert(rule(hold_seconds=120))
    assert [alert.look(11), alert.look(11), alert.look(9)] == [None] * 3
    assert alert.state is None
    # And what it had counted does not count again.
    assert [alert.look(11) for _ in range(3)] == [None, None, FIRING]


def test_without_a_time_it_fires_at_once() -> None:
    assert Alert(rule(hold_seconds=0)).look(11) is FIRING


def test_the_threshold_itself_is_not_above_it() -> None:
    assert Alert(rule(hold_seconds=0)).look(10) is None


def test_it_is_repeated_once_in_a_cooldown_and_not_at_every_look() -> None:
    alert = Alert(rule(hold_seconds=0, cooldown_seconds=600))
    told = [alert.look(11) for _ in range(21)]
    assert [number for number, notice in enumerate(told) if notice] == [0, 10, 20]


def test_without_a_cooldown_it_is_told_once_each_time() -> None:
    alert = Alert(rule(hold_seconds=0, cooldown_seconds=0))
    assert [alert.look(value) for value in (11, 11, 11, 9, 9, 11, 11)] == [FIRING, None, None, RESOLVED, None, FIRING, None]


def test_one_that_comes_and_goes_is_told_once_in_a_cooldown() -> None:
    alert = Alert(rule(hold_seconds=0, cooldown_seconds=600))
    told = [alert.look(11 if number % 2 == 0 else 9) for number in range(12)]
    assert [notice for notice in told if notice] == [FIRING, RESOLVED, FIRING, RESOLVED]
    assert told[10] is FIRING


def test_what_was_not_told_is_not_resolved_either() -> None:
    alert = Alert(rule(hold_seconds=0, cooldown_seconds=600))
    assert [alert.look(11), alert.look(9)] == [FIRING, RESOLVED]
    assert [alert.look(11), alert.look(9)] == [None, None]


def test_a_number_that_is_gone_resolves_it() -> None:
    alert = Alert(rule(hold_seconds=0))
    assert [alert.look(11), alert.look(None)] == [FIRING, RESOLVED]


def test_it_is_forgotten_after_its_cooldown() -> None:
    alert = Alert(rule(hold_seconds=0, cooldown_seconds=120))
    alert.look(11)
    assert [alert.look(9), alert.phase] == [RESOLVED, Phase.RESOLVED]
    alert.look(9)
    assert alert.state is None


def test_a_clock_that_jumps_ahead_makes_nothing_fire() -> None:
    alert = Alert(rule(hold_seconds=3_600))
    alert.look(11)
    assert alert.look(11, after=86_400 * 365) is None
    assert alert.phase is Phase.PENDING


def test_a_clock_that_jumps_back_starts_nothing_anew_and_silences_nothing() -> None:
    alert = Alert(rule(hold_seconds=120, cooldown_seconds=600))
    alert.look(11)
    alert.look(11)
    assert alert.look(11, after=-86_400) is None
    assert alert.look(11) is FIRING
    assert alert.look(11, after=-86_400) is None
    told = [alert.look(11) for _ in range(10)]
    assert told == [None] * 9 + [FIRING]


JUMPS = st.lists(st.floats(-1e8, 1e8), min_size=1, max_size=30)


@given(jumps=JUMPS)
def test_whatever_the_clock_does_it_neither_fires_early_nor_never(jumps: list[float]) -> None:
    alert = Alert(rule(hold_seconds=1_000_000, cooldown_seconds=600))
    assert not any(alert.look(11, after=jump) for jump in jumps)
    alert = Alert(rule(hold_seconds=600, cooldown_seconds=600))
    for jump in jumps:
        alert.look(11, after=jump)
    # However it was before, ten quiet minutes later it has fired, and ten more minutes later it has been told again.
    [alert.look(11) for _ in range(11)]
    assert alert.phase is Phase.FIRING
    assert any(alert.look(11) for _ in range(11))


@pytest.mark.parametrize(("value", "holds"), [(9.0, True), (10.0, False), (11.0, False)])
def test_other_comparisons(value: float, holds: bool) -> None:
    from docpipe.alerts.rule import Operator

    alert = Alert(rule(operator=Operator.BELOW, hold_seconds=0))
    assert (alert.look(value) is FIRING) is holds
