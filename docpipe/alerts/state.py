"""How an alert goes from quiet to pending to firing and back: pure, one step for each look.

Times are added up from look to look, and a gap counts five minutes at most. So a clock that jumps ahead makes nothing fire,
and one that jumps back neither silences an alert nor makes it start anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from docpipe.alerts.rule import Rule

LONGEST_GAP = 300.0
"""Seconds that one look may add: what was before, nobody has seen."""


class Phase(StrEnum):
    """Where an alert stands."""

    PENDING = "pending"  # its condition holds, but not for long enough
    FIRING = "firing"
    RESOLVED = "resolved"  # over, and remembered until its cooldown is


class NoticeKind(StrEnum):
    """What people are told."""

    FIRING = "firing"
    RESOLVED = "resolved"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class AlertState:
    """One alert: a rule and the labels of the number that it is about."""

    rule: str
    labels: Mapping[str, str]
    phase: Phase
    since: datetime
    """When the phase began, by the clock of that moment."""
    seen: datetime
    """The last look."""
    value: float
    held: float = 0.0
    """Seconds for which the condition was seen to hold."""
    quiet: float | None = None
    """Seconds since the last notice that it fires; None: there was none."""
    told: bool = False
    """Whether there was one about the present firing."""


def step(
    rule: Rule, labels: Mapping[str, str], value: float | None, state: AlertState | None, now: datetime
) -> tuple[AlertState | None, NoticeKind | None]:
    """Return the state after a look that found `value` (None: nothing is measured), and what is to be told; no state is quiet."""
    holds = value is not None and rule.holds(value)
    if state is None:
        if not holds or value is None:
            return None, None
        state = AlertState(rule.name, labels, Phase.PENDING, now, now, value)
    elapsed = min(max((now - state.seen).total_seconds(), 0.0), LONGEST_GAP)
    quiet = None if state.quiet is None else state.quiet + elapsed
    state = replace(state, seen=now, quiet=quiet, value=state.value if value is None else value)
    return _holding(rule, state, elapsed, now) if holds else _over(rule, state, now)


def _holding(rule: Rule, state: AlertState, elapsed: float, now: datetime) -> tuple[AlertState, NoticeKind | None]:
    if state.phase is Phase.RESOLVED:
        state = replace(state, phase=Phase.PENDING, since=now, held=0.0, told=False)
    else:
        state = replace(state, held=state.held + elapsed)
    if state.phase is Phase.PENDING and state.held >= rule.hold_seconds:
        state = replace(state, phase=Phase.FIRING, since=now)
    if state.phase is not Phase.FIRING:
        return state, None
    # One that comes and goes is told about once in a cooldown, and so is one that stays.
    rested = state.quiet is None or state.quiet >= rule.cooldown_seconds
    due = rested and (not state.told or rule.cooldown_seconds > 0)
    return (replace(state, quiet=0.0, told=True), NoticeKind.FIRING) if due else (state, None)


def _over(rule: Rule, state: AlertState, now: datetime) -> tuple[AlertState | None, NoticeKind | None]:
    notice = NoticeKind.RESOLVED if state.phase is Phase.FIRING and state.told else None
    if state.quiet is None or state.quiet >= rule.cooldown_seconds:
        return None, notice
    since = state.since if state.phase is Phase.RESOLVED else now
    return replace(state, phase=Phase.RESOLVED, since=since, held=0.0, told=False), notice
