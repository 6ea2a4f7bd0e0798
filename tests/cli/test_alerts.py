"""The commands about alerts and cleaning."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from docpipe.alerts.state import AlertState, Phase
from docpipe.cli.main import app
from docpipe.errors import AlertRulesInvalid
from docpipe.ledger import Ledger
from docpipe.models import StageName
from docpipe.pipeline import Pipeline
from docpipe.settings import load_settings
from tests.alerts.notices import notice
from tests.environment import forget_variables


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forget_variables(monkeypatch)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DOCPIPE_HOME", str(tmp_path / "home"))


def run(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def test_list_shows_what_fires_and_what_did_not_arrive(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("alerts", "list").exit_code == 0
    now = datetime.now(UTC)
    with Ledger.open(load_settings().ledger_url) as ledger:
        ledger.enter_alerts([AlertState("document-waits", {"lane": "cpu"}, Phase.FIRING, now, now, 5_000.0)], [notice(sink="webhook")], now)
    found = run("alerts", "list")
    assert found.exit_code == 1
    assert "firing" in found.stdout
    assert "lane=cpu" in found.stdout
    assert "not delivered yet: [critical] waits firing by webhook" in found.stdout
    as_json = json.loads(run("alerts", "list", "--json").stdout)
    assert [alert["phase"] for alert in as_json["alerts"]] == ["firing"]
    assert len(as_json["unsent"]) == 1
    # No rule, no alert: what fired when they were switched off would fire for ever.
    monkeypatch.setenv("DOCPIPE_ALERT_RULES", "off")
    assert run("alerts", "list").exit_code == 0


def test_check_reads_a_file_without_using_it(tmp_path: Path) -> None:
    assert "document-waits" in run("alerts", "check").stdout
    (tmp_path / "mine.yaml").write_text("rules:\n  - {name: mine, metric: nothing}\n")
    found = run("alerts", "check", "mine.yaml")
    assert isinstance(found.exception, AlertRulesInvalid)
    assert "mine.yaml line 2, rule mine" in str(found.exception)
    assert "docpipe_queue_oldest_seconds" in run("alerts", "metrics").stdout


def test_test_sends_by_every_way_and_says_what_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "log: sent" in run("alerts", "test", "document-waits").stdout
    monkeypatch.setenv("DOCPIPE_ALERT_WEBHOOK", "http://127.0.0.1:9/s3cret")
    found = run("alerts", "test", "document-waits")
    assert found.exit_code == 1
    assert "webhook: the webhook was not reached" in found.stderr
    assert "s3cret" not in found.output
    assert run("alerts", "test", "nothing").exit_code == 2


def test_clean_plans_and_deletes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("docpipe.retention.surplus_artifacts.GRACE", -datetime.resolution)
    monkeypatch.setenv("DOCPIPE_ARTIFACT_DAYS", "0")
    pipeline = Pipeline(load_settings())
    pipeline.artifacts.save(StageName.PARSED_PAGES, "gone", "f" * 32, b"data")
    planned = json.loads(run("clean", "--plan", "--json").stdout)
    assert planned["parsed_pages"]["objects"] == 1
    assert "deleted" in run("clean").stdout
    assert run("clean", "--plan").stdout.strip() == "nothing would go"
    with pipeline.ledger.lease("clean", "somebody", 60):
        assert run("clean").exit_code == 3
    pipeline.ledger.close()
