"""From numbers to notices, look by look."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from docpipe.alerts.rule import Selection
from docpipe.alerts.rule_file import SHIPPED, load_rules
from docpipe.alerts.state import Phase
from docpipe.alerts.watch import evaluate, look
from docpipe.errors import AlertRulesInvalid
from docpipe.ledger import Ledger
from docpipe.metrics.sample import Sample
from docpipe.metrics.snapshot import samples
from docpipe.pipeline import Pipeline
from docpipe.settings import Settings
from tests.alerts.rules import rule
from tests.ledger.arrivals import arrival

START = datetime(2026, 11, 22, tzinfo=UTC)
RESULTS = "docpipe_stage_results_total"
FAILED = rule(
    name="failed",
    of=Selection(RESULTS, {"outcome": ("failed",)}),
    by=(),
    window_seconds=600,
    threshold=4,
    hold_seconds=0,
    message="{value} failed",
)


@pytest.fixture
def ledger(settings: Callable[..., Settings]) -> Iterator[Ledger]:
    with Ledger.open(settings().ledger_url) as opened:
        yield opened


def waiting(**seconds: float) -> list[Sample]:
    return [Sample("docpipe_queue_oldest_seconds", value, {"lane": lane}) for lane, value in seconds.items()]


def failures(number: float) -> list[Sample]:
    return [Sample(RESULTS, number, {"stage": "chunks", "outcome": "failed"})]


def minute(number: int) -> datetime:
    return START + timedelta(minutes=number)


def told(ledger: Ledger) -> list[tuple[str, str, str]]:
    return [(one.rule, one.kind.value, one.message) for one, _ in ledger.unsent_notices()]


def test_two_lanes_are_two_alerts(ledger: Ledger) -> None:
    for number in range(4):
        evaluate(ledger, [rule()], waiting(cpu=60 + number, gpu=5 if number < 2 else 50), ["log"], minute(number))
    phases = {state.labels["lane"]: state.phase for state in ledger.alert_states()}
    assert phases == {"cpu": Phase.FIRING, "gpu": Phase.PENDING}
    assert told(ledger) == [("waits", "firing", "62 s on lane=cpu")]


def test_counters_are_compared_with_those_of_a_while_ago(ledger: Ledger) -> None:
    # Whatever failed before anybody looked says nothing about now.
    evaluate(ledger, [FAILED], failures(1_000), ["log"], minute(0))
    for number in range(1, 20):
        evaluate(ledger, [FAILED], failures(1_000 + number * 0.4), ["log"], minute(number))
    assert told(ledger) == []
    evaluate(ledger, [FAILED], failures(1_020), ["log"], minute(20))
    assert told(ledger) == [("failed", "firing", "16 failed")]


def test_readings_are_kept_as_long_as_the_window(ledger: Ledger) -> None:
    for number in range(40):
        evaluate(ledger, [FAILED], failures(number), ["log"], minute(number))
    reading = ledger.reading(minute(0), minute(60))
    assert reading is not None
    # The oldest that is left began the last look's window.
    assert reading[0].value == 29
    assert ledger.reading(minute(0), minute(20)) is None


def test_a_clock_that_jumps_back_leaves_no_reading_of_the_future(ledger: Ledger) -> None:
    evaluate(ledger, [FAILED], failures(0), ["log"], minute(600))
    evaluate(ledger, [FAILED], failures(2), ["log"], minute(0))
    evaluate(ledger, [FAILED], failures(9), ["log"], minute(1))
    assert told(ledger) == [("failed", "firing", "7 failed")]


def test_every_way_of_the_rule_gets_its_notice(ledger: Ledger) -> None:
    rules = [rule(name="all", hold_seconds=0), rule(name="log-only", hold_seconds=0, sinks=("log", "email"))]
    evaluate(ledger, rules, waiting(cpu=60), ["log", "webhook"], minute(0))
    ways = sorted((one.rule, one.sink) for one, _ in ledger.unsent_notices())
    assert ways == [("all", "log"), ("all", "webhook"), ("log-only", "log")]


def test_the_alerts_of_a_rule_that_is_gone_are_forgotten(ledger: Ledger) -> None:
    evaluate(ledger, [rule(hold_seconds=0)], waiting(cpu=60), ["log"], minute(0))
    evaluate(ledger, [FAILED], waiting(cpu=60), ["log"], minute(1))
    assert ledger.alert_states() == []


def test_a_kill_between_measuring_and_entering_loses_nothing(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    instant = rule(hold_seconds=0)

    def killed(*arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(ledger, "keep_reading", killed)
        with pytest.raises(KeyboardInterrupt):
            evaluate(ledger, [instant], waiting(cpu=60), ["log"], minute(0))
    evaluate(ledger, [instant], waiting(cpu=60), ["log"], minute(1))
    assert len(told(ledger)) == 1


def test_a_look_at_a_real_ledger(settings: Callable[..., Settings], caplog: pytest.LogCaptureFixture) -> None:
    file = settings().home.parent / "rules.yaml"
    file.write_text(
        "rules:\n"
        "  - {name: pending, metric: docpipe_documents, labels: {status: pending}, operator: '>', threshold: 1,"
        " severity: critical, message: '{value} wait'}\n"
        "  - {name: idle, metric: docpipe_open_batches, operator: '<', threshold: 1, severity: info, for: 1h, message: idle}\n"
    )
    with Ledger.open(settings().ledger_url) as ledger:
        ledger.register([arrival(name) for name in "abc"])
    pipeline = Pipeline(settings(alert_rules=str(file)))
    found = look(pipeline, samples(pipeline))
    assert [(state.rule, state.phase) for state in found.states] == [("pending", Phase.FIRING), ("idle", Phase.PENDING)]
    assert "[critical] pending firing: 3 wait" in caplog.text
    caplog.clear()
    assert look(pipeline, samples(pipeline)).delivery.delivered == []
    assert caplog.text == ""
    pipeline.ledger.close()


def test_rules_that_are_off_or_wrong(settings: Callable[..., Settings]) -> None:
    assert look(Pipeline(settings(alert_rules="off")), []).rules == 0
    with pytest.raises(AlertRulesInvalid):
        look(Pipeline(settings(alert_rules="/nowhere/rules.yaml")), [])


def test_the_shipped_rules_hold_on_an_empty_ledger(settings: Callable[..., Settings]) -> None:
    pipeline = Pipeline(settings())
    found = look(pipeline, samples(pipeline))
    assert found.rules >= 4
    assert found.count(Phase.FIRING) == 0
    pipeline.ledger.close()


def test_an_outage_that_fails_no_document_is_told_of_by_the_shipped_rules(ledger: Ledger) -> None:
    rules = load_rules(SHIPPED)
    for number in range(10):
        results = {"made": 5.0, "retried": 0.0 if number < 2 else 8.0}
        found = [Sample(RESULTS, value, {"stage": "embeddings", "outcome": outcome}) for outcome, value in results.items()]
        evaluate(ledger, rules, found, ["log"], minute(number))
    assert [(rule, kind) for rule, kind, _ in told(ledger)] == [("documents-come-back", "firing")]
