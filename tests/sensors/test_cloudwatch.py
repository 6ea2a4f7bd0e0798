"""The sensor for CloudWatch, through Dagster, to moto's server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
import dagster as dg
import pytest

from docpipe.errors import TransientError
from docpipe.metrics.sample import Sample
from resources.pipeline import PipelineResource
from sensors.cloudwatch import LEASE, cloudwatch_sensor
from tests.installation import Installation
from tests.servers import free_port

DONE = Sample("docpipe_stage_results_total", 5, {"stage": "indexed_vectors", "outcome": "made"})


@pytest.fixture
def sending(installation: Installation, s3_endpoint: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Installation:
    for name, value in (("ENDPOINT_URL_CLOUDWATCH", s3_endpoint), ("ACCESS_KEY_ID", "key"), ("SECRET_ACCESS_KEY", "secret")):
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setenv("DOCPIPE_CLOUDWATCH", "docpipe")
    return installation


def tick(installation: Installation, cursor: str | None) -> tuple[str | None, str]:
    context = dg.build_sensor_context(instance=installation.instance, cursor=cursor, resources={"pipeline": PipelineResource()})
    data = cloudwatch_sensor().evaluate_tick(context)
    return data.cursor, data.skip_message or ""


def processed(endpoint: str) -> list[float]:
    client = boto3.session.Session().client("cloudwatch", endpoint_url=endpoint, region_name="us-east-1")
    metric = {"Namespace": "docpipe", "MetricName": "DocumentsProcessed"}
    queries = [{"Id": "done", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}}]
    now, hour = datetime.now(UTC), timedelta(hours=1)
    found = client.get_metric_data(MetricDataQueries=queries, StartTime=now - hour, EndTime=now + hour)
    return list(found["MetricDataResults"][0]["Values"])


def test_work_is_told_once_also_after_a_report_that_failed(
    sending: Installation, s3_endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sending.pipeline.ledger.count([DONE])
    cursor, said = tick(sending, None)
    assert said.endswith("numbers sent to docpipe")
    sending.pipeline.ledger.count([DONE])
    with monkeypatch.context() as away:
        away.setenv("AWS_ENDPOINT_URL_CLOUDWATCH", f"http://127.0.0.1:{free_port()}")
        with pytest.raises(TransientError, match="sent again"):
            tick(sending, cursor)
    cursor, _ = tick(sending, cursor)
    tick(sending, cursor)
    assert sum(processed(s3_endpoint)) == 5, "those before the first look were done at another time"


def test_two_daemons_take_turns(sending: Installation) -> None:
    with sending.pipeline.ledger.lease(LEASE, "the other", 60):
        assert tick(sending, None) == (None, "another evaluation of this sensor is under way")
