"""One look at all rules: measure, take each alert a step further, enter what is to be told, tell it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from docpipe.alerts.delivery import Delivery, deliver
from docpipe.alerts.measure import Labels, counted, measure, selections
from docpipe.alerts.message import message_of
from docpipe.alerts.notice import Notice
from docpipe.alerts.rule import Rule
from docpipe.alerts.rule_file import SHIPPED, load_rules
from docpipe.alerts.sink import open_sinks
from docpipe.alerts.state import AlertState, NoticeKind, Phase, step
from docpipe.ledger import Ledger
from docpipe.metrics.sample import Sample
from docpipe.pipeline import Pipeline
from docpipe.settings import Settings

DELIVERY_SECONDS = 30.0
OFF = "off"


@dataclass(slots=True)
class Look:
    """What one look came to."""

    rules: int = 0
    states: list[AlertState] = field(default_factory=list)
    delivery: Delivery = field(default_factory=Delivery)

    def count(self, phase: Phase) -> int:
        return sum(state.phase is phase for state in self.states)


def rules_of(settings: Settings) -> list[Rule]:
    """The rules that hold: those of the file that is configured, or the ones that are shipped; raises `AlertRulesInvalid`."""
    if settings.alert_rules == OFF:
        return []
    return load_rules(Path(settings.alert_rules) if settings.alert_rules else SHIPPED)


def look(pipeline: Pipeline, measured: Sequence[Sample]) -> Look:
    """Evaluate every rule once and deliver what is due; one at a time, see the lease of the sensor."""
    rules, sinks = rules_of(pipeline.settings), open_sinks(pipeline.settings)
    if not rules:
        return Look()
    states = evaluate(pipeline.ledger, rules, measured, list(sinks), datetime.now(UTC))
    return Look(len(rules), states, deliver(pipeline.ledger, sinks, DELIVERY_SECONDS))


def evaluate(ledger: Ledger, rules: Sequence[Rule], now_samples: Sequence[Sample], sinks: Sequence[str], now: datetime) -> list[AlertState]:
    """Take every alert one step further; its state and its notices are entered in one transaction."""
    known: dict[tuple[str, Labels], AlertState] = {(one.rule, tuple(sorted(one.labels.items()))): one for one in ledger.alert_states()}
    states: list[AlertState] = []
    notices: list[Notice] = []
    for rule in rules:
        before = ledger.reading(now - timedelta(seconds=rule.window_seconds), now) if rule.window_seconds else None
        values: dict[Labels, float] = {tuple(sorted(one.labels.items())): one.value for one in measure(rule, now_samples, before)}
        for labels in sorted({*values, *(place for name, place in known if name == rule.name)}):
            state, kind = step(rule, dict(labels), values.get(labels), known.get((rule.name, labels)), now)
            if state:
                states.append(state)
            if kind:
                value = values.get(labels, known[rule.name, labels].value if (rule.name, labels) in known else 0.0)
                notices += _notices(rule, dict(labels), kind, value, sinks, now)
    # States of rules that are gone are left out, and so forgotten.
    ledger.enter_alerts(states, notices, now)
    ledger.keep_reading(now, _counters(rules, now_samples), now - timedelta(seconds=_longest(rules)))
    return states


def test_notices(rule: Rule, sinks: Sequence[str], now: datetime) -> list[Notice]:
    """What a person sends to see that it arrives."""
    return _notices(rule, {}, NoticeKind.TEST, rule.threshold, sinks, now)


def _notices(rule: Rule, labels: Mapping[str, str], kind: NoticeKind, value: float, sinks: Sequence[str], now: datetime) -> list[Notice]:
    chosen = [name for name in sinks if rule.sinks is None or name in rule.sinks]
    return [Notice(name, rule.name, labels, kind, rule.severity, value, message_of(rule, labels, value), now) for name in chosen]


def _counters(rules: Sequence[Rule], now_samples: Sequence[Sample]) -> list[Sample]:
    """The counters that rules compare with the past."""
    wanted = [each for rule in rules if rule.window_seconds for each in selections(rule) if counted(each.metric)]
    return [sample for sample in now_samples if any(each.takes(sample) for each in wanted)]


def _longest(rules: Sequence[Rule]) -> float:
    return max((rule.window_seconds for rule in rules), default=0.0)
