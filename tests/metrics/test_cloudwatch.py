"""What CloudWatch is sent, to moto's server over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import boto3
import pytest

from docpipe.errors import ConfigurationError, TransientError
from docpipe.metrics.cloudwatch import MOST_IN_A_REQUEST, counters, report, send
from docpipe.metrics.sample import Sample
from tests.servers import free_port

MOMENT = datetime.now(UTC).replace(microsecond=0)
NAME = "docpipe/tests"


@pytest.fixture
def cloudwatch(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """moto's server speaks for all of AWS."""
    for name, value in (("ENDPOINT_URL_CLOUDWATCH", s3_endpoint), ("ACCESS_KEY_ID", "key"), ("SECRET_ACCESS_KEY", "secret")):
        monkeypatch.setenv(f"AWS_{name}", value)
    return boto3.session.Session().client("cloudwatch", endpoint_url=s3_endpoint, region_name="us-east-1")


def samples(indexed: float, failed: float, seconds: float, parsed: float, usd: float = 0.0) -> list[Sample]:
    return [
        Sample("docpipe_stage_results_total", indexed, {"stage": "indexed_vectors", "outcome": "made"}),
        Sample("docpipe_stage_results_total", 7, {"stage": "chunks", "outcome": "made"}),
        Sample("docpipe_stage_results_total", failed, {"stage": "chunks", "outcome": "failed"}),
        Sample("docpipe_stage_results_total", failed, {"stage": "embeddings", "outcome": "failed"}),
        Sample("docpipe_stage_seconds_sum", seconds, {"stage": "parsed_pages"}),
        Sample("docpipe_stage_seconds_count", parsed, {"stage": "parsed_pages"}),
        Sample("docpipe_cost_usd_total", usd, {"provider": "openai", "model": "large"}),
        Sample("docpipe_queue_documents", 12, {"lane": "cpu"}),
        Sample("docpipe_queue_documents", 3, {"lane": "io"}),
        Sample("docpipe_documents", 40, {"status": "indexed"}),
        Sample("docpipe_documents", 2, {"status": "pending"}),
    ]


def told(data: list[dict[str, Any]]) -> dict[tuple[str, str], Any]:
    found = {}
    for one in data:
        weighed = list(zip(one.get("Values", ()), one.get("Counts", ()), strict=True))
        found[one["MetricName"], "".join(each["Value"] for each in one["Dimensions"])] = one.get("Value", weighed)
    return found


def test_what_was_done_is_what_the_counters_rose_by() -> None:
    first, second = samples(10, 1, 5.0, 10), samples(14, 2, 11.0, 14, 0.25)
    data = told(report(second, counters(first), counters(second), MOMENT))
    assert data == {
        ("DocumentsWaiting", "cpu"): 12,
        ("DocumentsWaiting", "io"): 3,
        ("DocumentsIndexed", ""): 40,
        ("DocumentsProcessed", ""): 4,
        ("DocumentsFailed", ""): 2,
        ("Retries", ""): 0,
        ("Pages", ""): 0,
        ("ProviderCost", "openai"): 0.25,
        ("ExtractionDuration", ""): [(1.5, 4.0)],
    }


def test_a_provider_is_paid_for_all_its_models_together() -> None:
    def paid(large: float, eye: float) -> list[Sample]:
        models = {"": 1.0, "large": large, "eye": eye}
        return [Sample("docpipe_cost_usd_total", usd, {"provider": "openai", "model": model}) for model, usd in models.items()]

    first, second = paid(0.5, 0.25), paid(0.75, 1.25)
    sent = [one for one in report(second, counters(first), counters(second), MOMENT) if one["MetricName"] == "ProviderCost"]
    assert [(one["Value"], one["Dimensions"]) for one in sent] == [(1.25, [{"Name": "Provider", "Value": "openai"}])]


def test_nothing_was_done_before_the_first_report_and_after_nothing() -> None:
    first = samples(10, 1, 5.0, 10)
    for before in ({}, counters(first)):
        data = told(report(first, before, counters(first), MOMENT))
        assert (data["DocumentsProcessed", ""], data["DocumentsFailed", ""], data["DocumentsIndexed", ""]) == (0, 0, 40)
        assert ("ExtractionDuration", "") not in data


@pytest.mark.parametrize("other", [samples(1, 0, 1.0, 1), samples(200, 20, 1.0, 200), samples(200, 20, 90.0, 200, -5.0)])
def test_another_ledgers_counters_are_no_work(other: list[Sample]) -> None:
    data = told(report(other, counters(samples(90, 9, 80.0, 90)), counters(other), MOMENT))
    assert (data["DocumentsProcessed", ""], data["DocumentsFailed", ""]) == (0, 0)
    assert ("ExtractionDuration", "") not in data


def test_the_server_has_the_numbers(cloudwatch: Any) -> None:
    first, second = samples(10, 1, 5.0, 10), samples(14, 2, 11.0, 14)
    data = report(second, counters(first), counters(second), MOMENT)
    send(NAME, "us-east-1", [*data, *data * MOST_IN_A_REQUEST][: MOST_IN_A_REQUEST + 1])
    told_of = [one for number in range(MOST_IN_A_REQUEST + 1) if (one := data[number % len(data)])["MetricName"] == "ExtractionDuration"]
    found = statistics(cloudwatch, "ExtractionDuration")
    assert (found["Average"], found["SampleCount"]) == (1.5, 4 * len(told_of))
    waiting = statistics(cloudwatch, "DocumentsWaiting", {"Name": "Lane", "Value": "cpu"})
    assert waiting["Maximum"] == 12


def statistics(cloudwatch: Any, metric: str, *dimensions: dict[str, str]) -> dict[str, Any]:
    hour = timedelta(hours=1)
    (point,) = cloudwatch.get_metric_statistics(
        Namespace=NAME,
        MetricName=metric,
        Dimensions=dimensions,
        StartTime=MOMENT - hour,
        EndTime=MOMENT + hour,
        Period=7_200,
        Statistics=["Average", "Maximum", "SampleCount"],
    )["Datapoints"]
    return dict(point)


@pytest.mark.parametrize(("provider", "place"), [("zürich", "z?rich"), ("::1", "1"), (" ", ""), ("a" * 2_000, "a" * 1_024)])
def test_a_name_that_cloudwatch_would_refuse_costs_no_number(provider: str, place: str) -> None:
    paid = [Sample("docpipe_cost_usd_total", 1, {"provider": provider, "model": "large"})]
    assert ("ProviderCost", place) in told(report(paid, {}, counters(paid), MOMENT))


@pytest.mark.parametrize(
    ("code", "status", "error", "advice"),
    [
        ("AccessDenied", 403, ConfigurationError, "allow cloudwatch:PutMetricData"),
        ("InvalidClientTokenId", 403, ConfigurationError, "check AWS_ACCESS_KEY_ID"),
        ("InvalidParameterValue", 400, ConfigurationError, "check DOCPIPE_CLOUDWATCH"),
        ("Throttling", 400, TransientError, "sent again"),
        ("InternalServiceFault", 500, TransientError, "sent again"),
    ],
)
def test_what_cloudwatch_answers_says_what_to_do(
    cloudwatch: Any, monkeypatch: pytest.MonkeyPatch, code: str, status: int, error: type[Exception], advice: str
) -> None:
    with refusing(status, code) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDWATCH", url)
        with pytest.raises(error, match=advice):
            send(NAME, "us-east-1", report(samples(1, 0, 1.0, 1), {}, {}, MOMENT))


@contextmanager
def refusing(status: int, code: str) -> Iterator[str]:
    """A server that answers everything with one error of AWS."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            body = json.dumps({"__type": code, "message": "no"}).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.0")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the name is the base class's
            """Tests are silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.server_port}"
        finally:
            listening.shutdown()
            thread.join()


def test_a_server_that_is_away_is_asked_again_later(cloudwatch: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDWATCH", f"http://127.0.0.1:{free_port()}")
    with pytest.raises(TransientError, match="CloudWatch did not answer"):
        send(NAME, "us-east-1", report(samples(1, 0, 1.0, 1), {}, {}, MOMENT))


def test_without_credentials_a_person_is_asked_for_them(cloudwatch: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    with pytest.raises(ConfigurationError, match="no credentials for CloudWatch"):
        send(NAME, "us-east-1", report(samples(1, 0, 1.0, 1), {}, {}, MOMENT))
