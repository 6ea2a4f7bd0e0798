"""`docpipe cost`, for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from docpipe.cli.main import app
from docpipe.cost.budget import midnight_after
from docpipe.cost.till import SEARCH
from docpipe.errors import DocumentUnknown
from docpipe.ledger import Ledger
from docpipe.ledger.spending import Cost
from docpipe.metrics.sample import Sample
from docpipe.models import StageName
from docpipe.settings import load_settings
from tests.environment import forget_variables
from tests.ledger.arrivals import register

STAGE = StageName.EMBEDDINGS


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ledger]:
    forget_variables(monkeypatch)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DOCPIPE_HOME", str(tmp_path / "home"))
    with Ledger.open(load_settings().ledger_url) as opened:
        today = opened.today()
        opened.spend("openai", today, STAGE, model="text-embedding-3-large", requests=2, tokens=1_500, usd=0.75)
        opened.spend("openai", today - timedelta(days=3), STAGE, requests=1, tokens=500, usd=0.25)
        yield opened


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["cost", *arguments])


def answer(*arguments: str) -> Any:
    result = invoke(*arguments, "--json")
    assert result.exit_code == 0, result.exception
    return json.loads(result.stdout)


def test_days_add_up(ledger: Ledger) -> None:
    week, today = answer(), answer("--days", "1")
    assert (week["usd"], today["usd"], len(week["days"]), len(today["days"])) == (1.0, 0.75, 2, 1)
    newest = {"day": str(ledger.today()), "provider": "openai", "model": "text-embedding-3-large", "stage": "embeddings"}
    assert today["days"] == [newest | {"requests": 2, "tokens": 1_500, "usd": 0.75}]
    shown = invoke().stdout
    assert "2,000" in shown
    assert "openai text-embedding-3-large" in shown
    assert "openai: 0.75 US dollars today, without a limit" in shown


def test_a_budget_that_is_spent_says_until_when(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCPIPE_BUDGETS", "openai=1,azure=2")
    assert not ledger.reserve("openai", ledger.today(), 0.5, 1.0)
    assert answer()["budgets"] == [
        {"provider": "azure", "committed_usd": 0.0, "limit_usd": 2.0, "is_spent": False, "is_asked": False},
        {"provider": "openai", "committed_usd": 0.75, "limit_usd": 1.0, "is_spent": True, "is_asked": False},
    ]
    until = f"{midnight_after(ledger.today()):%Y-%m-%d} 00:00 UTC"
    assert f"openai: 0.75 of 1.00 US dollars today; spent: documents wait until {until}" in invoke().stdout


def test_a_budget_of_a_provider_that_nobody_asks_says_so(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCPIPE_EMBEDDER", "openai:text-embedding-3-small")
    monkeypatch.setenv("DOCPIPE_EMBED_URL", "https://api.openai.com/v1")
    monkeypatch.setenv("DOCPIPE_BUDGETS", "opnai=1,openai=5")
    shown = " ".join(invoke().stdout.split())
    assert "opnai: 0.00 of 1.00 US dollars today; no stage asks a provider of this name: see DOCPIPE_BUDGETS" in shown
    assert "openai: 0.75 of 5.00 US dollars today opnai:" in shown


def test_a_thousand_documents_have_a_price(ledger: Ledger) -> None:
    shown = answer()
    assert (shown["indexed"], shown["per_thousand_usd"]) == (0, None)
    assert "a thousand" not in invoke().stdout
    today = ledger.today()
    keep_day(ledger, today - timedelta(days=9), indexed=100, usd=5.0)
    keep_day(ledger, today - timedelta(days=3), indexed=300, usd=5.25)
    keep_day(ledger, today, indexed=500, usd=5.5)
    # Paid since the numbers of today were written: there are no documents yet to divide it by.
    ledger.spend("openai", today, STAGE, requests=1, tokens=100, usd=4.0)
    found = answer()
    assert (found["indexed"], found["per_thousand_usd"]) == (400, pytest.approx(1.25))
    assert answer("--days", "1")["per_thousand_usd"] == pytest.approx(1.25)
    assert "400 documents indexed in 7 days: 1.25 US dollars a thousand (openai 1.25)" in invoke().stdout
    assert "200 documents indexed today: 1.25 US dollars a thousand (openai 1.25)" in invoke("--days", "1").stdout


def test_queries_are_no_part_of_the_price_of_documents(ledger: Ledger) -> None:
    ledger.spend("openai", ledger.today(), SEARCH, requests=1, tokens=100, usd=1.0)
    keep_day(ledger, ledger.today(), indexed=1_000, usd=2.0)
    assert answer()["per_thousand_usd"] == pytest.approx(1.0)


def keep_day(ledger: Ledger, day: date, indexed: int, usd: float) -> None:
    """What the sensor writes, of counters that only rise."""
    results = {"stage": "indexed_vectors", "outcome": "made"}
    counted = [
        Sample("docpipe_stage_results_total", indexed, results),
        Sample("docpipe_cost_usd_total", usd, {"provider": "openai", "model": "large"}),
    ]
    ledger.keep_day(day.isoformat(), counted)


def test_a_document_shows_what_its_stages_took(ledger: Ledger) -> None:
    (key,) = register(ledger, "a.pdf")
    ledger.start(STAGE, {key: (1, "f", "r")}, "run")
    counts = {"vectors": 3, "billed_tokens": 1_500}
    ledger.complete(STAGE, key, 1, "f", "r", counts, 1.5, "run", Cost(2.0, 0.0, 0.75))
    found = answer("--document", "a.pdf")
    assert (found["key"], found["usd"]) == (key, 0.75)
    (stage,) = found["stages"]
    assert (stage["stage"], stage["cpu_seconds"], stage["cost_usd"], stage["counts"]) == ("embeddings", 2.0, 0.75, {"billed_tokens": 1_500})
    shown = invoke("--document", key).stdout
    assert "a.pdf, generation 1: 0.75 US dollars" in shown
    assert "1,500" in shown


def test_a_document_that_is_not_there_is_said_to_be_missing(ledger: Ledger) -> None:
    result = invoke("--document", "../../etc/passwd")
    assert isinstance(result.exception, DocumentUnknown)
    assert invoke("--days", "0").exit_code == 2
