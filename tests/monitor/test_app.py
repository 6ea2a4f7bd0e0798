from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from docpipe.cost.stage_costs import LOCAL
from docpipe.errors import IndexUnavailable
from docpipe.metrics.histogram import observed
from docpipe.metrics.sample import Sample
from docpipe.models import StageName
from docpipe.monitor.app import Monitor
from docpipe.pipeline import Pipeline
from docpipe.settings import Settings
from tests.ledger.arrivals import index, register
from tests.servers import free_port


def client(pipeline: Pipeline, **times: float) -> TestClient:
    return TestClient(Monitor(pipeline, **times).app)


def numbers(text: str) -> dict[tuple[Any, ...], float]:
    return {(one.name, *one.labels.values()): one.value for family in text_string_to_metric_families(text) for one in family.samples}


def test_metrics_are_those_of_the_ledger(pipeline: Pipeline) -> None:
    ledger = pipeline.ledger
    keys = register(ledger, "a", "b", "c")
    ledger.queue("b1", keys[:2])
    index(ledger, keys[:1])
    ledger.count(observed("docpipe_stage_seconds", 0.3, {"stage": "chunks"}))
    ledger.spend("openai", ledger.today(), "embeddings", model="large", requests=2, tokens=900, usd=1.5)
    ledger.spend("openai", ledger.today(), "parsed_pages", model="eye", requests=1, tokens=70, usd=0.5)
    answer = client(pipeline).get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    found = numbers(answer.text)
    expected = {
        ("docpipe_documents", "pending"): 1,
        ("docpipe_documents", "queued"): 1,
        ("docpipe_documents", "indexed"): 1,
        ("docpipe_documents", "failed"): 0,
        ("docpipe_stage_documents", "chunks", "complete"): 1,
        ("docpipe_queue_documents", "cpu"): 2,
        ("docpipe_open_batches",): 1,
        ("docpipe_pages_total",): 0,
        ("docpipe_stage_seconds_count", "chunks"): 1,
        ("docpipe_budget_usd", "openai"): 5,
        ("docpipe_spent_today_usd", "openai"): 2.0,
        ("docpipe_tokens_total", "large", "openai"): 900,
        ("docpipe_tokens_total", "eye", "openai"): 70,
        ("docpipe_provider_requests_total", "large", "openai"): 2,
        ("docpipe_cost_usd_total", "large", "openai"): 1.5,
        ("docpipe_cost_usd_total", "eye", "openai"): 0.5,
    }
    assert expected.items() <= found.items()
    assert 0 <= found["docpipe_queue_oldest_seconds", "cpu"] < 300


@pytest.mark.parametrize(
    ("given", "lane"),
    [({}, "gpu"), ({"embedder": "openai:text-embedding-3-small", "embed_url": "https://api.openai.com/v1"}, "io")],
    ids=["own model", "provider"],
)
def test_documents_wait_in_the_lane_that_the_settings_give(settings: Callable[..., Settings], given: dict[str, str], lane: str) -> None:
    pipeline = Pipeline(settings(**given))
    ledger = pipeline.ledger
    keys = register(ledger, "a")
    ledger.queue("b1", keys)
    for stage in (StageName.PARSED_PAGES, StageName.CHUNKS, StageName.ENRICHED_CHUNKS):
        for key in ledger.start(stage, dict.fromkeys(keys, (1, "f", "r")), "run"):
            assert ledger.complete(stage, key, 1, "f", "r", {}, 0.1, "run")
    found = numbers(client(pipeline).get("/metrics").text)
    assert {name: found["docpipe_queue_documents", name] for name in ("cpu", "gpu", "io")} == {"cpu": 0, "gpu": 0, "io": 0} | {lane: 1}
    ledger.close()


def test_what_a_model_is_paid_rises_from_nothing(settings: Callable[..., Settings]) -> None:
    """The first value of a series is no rise to Prometheus: the first payment would be missing from every rate."""
    pipeline = Pipeline(settings(embedder="openai:text-embedding-3-small", vision_url="http://127.0.0.1:9/v1", vision_model="eye"))
    before = numbers(client(pipeline).get("/metrics").text)
    names = ("docpipe_tokens_total", "docpipe_provider_requests_total", "docpipe_cost_usd_total")
    asked = [("text-embedding-3-small", "openai"), ("eye", "127.0.0.1")]
    assert {(name, *labels): 0.0 for name in names for labels in asked}.items() <= before.items()
    ledger = pipeline.ledger
    ledger.spend("openai", ledger.today(), "embeddings", model="text-embedding-3-small", requests=1, tokens=700, usd=0.25)
    after = numbers(client(pipeline).get("/metrics").text)
    assert [after[name, *asked[0]] for name in names] == [700, 1, 0.25]
    assert {place for place in after if place[0] in names} == {place for place in before if place[0] in names}
    ledger.close()


def test_no_series_stands_there_twice(pipeline: Pipeline) -> None:
    ledger = pipeline.ledger
    ledger.count([Sample("docpipe_tokens_total", 700, {"provider": LOCAL, "model": "tiny"})])
    # Our own machines have a price.
    for stage, model in (("embeddings", "tiny"), ("chunks", ""), ("parsed_pages", "")):
        ledger.spend(LOCAL, ledger.today(), stage, model=model, usd=0.25)
    text = client(pipeline).get("/metrics").text
    series = [line.rpartition(" ")[0] for line in text.splitlines() if not line.startswith("#")]
    assert len(series) == len(set(series))
    assert numbers(text)["docpipe_tokens_total", "tiny", LOCAL] == 700
    assert (numbers(text)["docpipe_cost_usd_total", "tiny", LOCAL], numbers(text)["docpipe_cost_usd_total", "", LOCAL]) == (0.25, 0.5)


def test_all_that_answers_is_ready(pipeline: Pipeline) -> None:
    web = client(pipeline)
    assert web.get("/health/live").json() == {"live": True}
    assert (web.get("/health/ready").status_code, web.get("/health/ready").json()) == (200, {"ready": True, "missing": {}})
    detail = web.get("/health/detail").json()
    assert detail["ready"] is True
    assert set(detail["checks"]) == {"ledger", "bucket", "artifacts", "index"}
    assert detail["budgets_usd"] == {"openai": 5}
    assert detail["documents"]["pending"] == 0
    assert detail["versions"]["docpipe"]
    assert web.get("/elsewhere").status_code == 404
    assert web.post("/metrics").status_code == 405


@pytest.mark.filterwarnings("ignore:Api key is used with an insecure connection")
def test_what_is_away_is_named_and_its_secrets_are_not(settings: Callable[..., Settings]) -> None:
    ledger = f"postgresql://user:hush-word@127.0.0.1:{free_port()}/db"
    away = Pipeline(
        settings(ledger=ledger, bucket="file:///no/such/folder", qdrant_url=f"http://127.0.0.1:{free_port()}", qdrant_api_key="hush-key")
    )
    web = client(away)
    ready = web.get("/health/ready")
    assert ready.status_code == 503
    assert set(ready.json()["missing"]) == {"ledger", "bucket", "index"}
    assert "DOCPIPE_BUCKET" in ready.json()["missing"]["bucket"]
    metrics, detail = web.get("/metrics"), web.get("/health/detail")
    assert (metrics.status_code, detail.status_code, web.get("/health/live").status_code) == (503, 200, 200)
    assert detail.json()["checks"]["artifacts"]["answers"] is True
    assert detail.json()["documents"] == {}
    assert "hush" not in ready.text + metrics.text + detail.text


def test_what_hangs_is_given_up_and_hangs_nothing_else(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    register(pipeline.ledger, "a")
    gate, asked = threading.Event(), []

    class Hanging:
        def list(self, after: str = "", prefix: str = "") -> Any:
            asked.append(1)
            gate.wait(60)
            return iter(())

    monkeypatch.setitem(pipeline.__dict__, "bucket", Hanging())
    try:
        web = client(pipeline, check_seconds=0.2)
        for _ in range(3):
            assert web.get("/health/ready").json()["missing"] == {"bucket": "no answer within 0.2 s"}
        assert web.get("/metrics").status_code == 200
        assert web.get("/health/live").status_code == 200
        assert len(asked) == 1
    finally:
        gate.set()


def test_a_ledger_that_hangs_fails_the_scrape(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Event()
    monkeypatch.setattr(type(pipeline.ledger), "summary", lambda self: gate.wait(60))
    try:
        answer = client(pipeline, ledger_seconds=0.1).get("/metrics")
        assert (answer.status_code, answer.text) == (503, "the ledger does not answer: no answer in time\n")
    finally:
        gate.set()


def test_an_index_that_is_away_takes_its_own_numbers_alone(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(settings: object) -> None:
        raise IndexUnavailable("the index does not answer")

    monkeypatch.setattr("docpipe.metrics.snapshot.open_catalog", away)
    answer = client(pipeline).get("/metrics")
    assert answer.status_code == 200
    assert ("docpipe_open_batches",) in numbers(answer.text)
    assert "docpipe_index_points" not in answer.text


def test_an_error_that_nobody_expected_is_told_by_its_class_alone(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: object) -> int:
        raise ValueError("hush")

    monkeypatch.setattr(type(pipeline.ledger), "living_runs", broken)
    ready = client(pipeline).get("/health/ready")
    assert json.loads(ready.text)["missing"] == {"ledger": "ValueError"}
