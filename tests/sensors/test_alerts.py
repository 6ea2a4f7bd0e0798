"""The sensor that measures, through Dagster."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from docpipe.errors import AlertRulesInvalid
from resources.pipeline import PipelineResource
from sensors.alerts import LEASE, alerts_sensor
from tests.installation import Installation

RULES = """
rules:
  - name: waits
    metric: docpipe_documents
    labels: {status: pending}
    operator: ">"
    threshold: 1
    severity: critical
    message: "{value} wait"
"""


@pytest.fixture
def ruled(installation: Installation, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Installation:
    file = tmp_path / "rules.yaml"
    file.write_text(RULES)
    monkeypatch.setenv("DOCPIPE_ALERT_RULES", str(file))
    return installation


def tick(installation: Installation) -> str:
    context = dg.build_sensor_context(instance=installation.instance, resources={"pipeline": PipelineResource()})
    data = alerts_sensor(60).evaluate_tick(context)
    assert not data.run_requests
    return data.skip_message or ""


def test_people_are_told_once(ruled: Installation, caplog: pytest.LogCaptureFixture) -> None:
    ruled.put(a="one", b="two")
    ruled.tick()
    ruled.pipeline.ledger.close_batch(ruled.pipeline.ledger.open_batches()[0].batch_id, 3, count=False)
    assert tick(ruled) == "1 rules: 1 alerts firing, 0 pending; 1 notices delivered, 0 to be tried again"
    assert "[critical] waits firing: 2 wait" in caplog.text
    assert "0 notices delivered" in tick(ruled)


def test_two_daemons_take_turns(ruled: Installation) -> None:
    with ruled.pipeline.ledger.lease(LEASE, "the other", 60):
        assert tick(ruled) == "another evaluation of this sensor is under way"
    assert "1 rules" in tick(ruled)


def test_every_look_keeps_the_numbers_of_the_day(ruled: Installation) -> None:
    ruled.put(a="one")
    ruled.tick()
    tick(ruled)
    today = datetime.now(UTC).date().isoformat()
    assert ("docpipe_documents", 1.0) in [(one.sample.name, one.sample.value) for one in ruled.pipeline.ledger.daily(today)]


def test_wrong_rules_fail_the_tick_with_their_line(ruled: Installation) -> None:
    Path(ruled.pipeline.settings.alert_rules).write_text(RULES.replace("docpipe_documents", "docpipe_docs"))
    with pytest.raises(AlertRulesInvalid, match="line 3, rule waits: there is no metric 'docpipe_docs'"):
        tick(ruled)


def test_without_rules_it_rests(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCPIPE_ALERT_RULES", "off")
    assert tick(installation) == "no alert rules: DOCPIPE_ALERT_RULES is off"
