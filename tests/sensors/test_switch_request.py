"""The sensor requests one run that sends searches elsewhere, and looks at the bucket whatever the index does."""

from __future__ import annotations

import dagster as dg
import pytest
from dagster._core.events import DagsterEventType

import sensors.documents
from docpipe.errors import IndexUnavailable, ModelMissing
from docpipe.heartbeat import GRACE, lease_name
from docpipe.ledger import Switch
from docpipe.pipeline import Pipeline
from tests.installation import Installation, use_small_stages
from tests.sensors.runs import launch, report

JOB = "switch_collection"


@pytest.fixture
def complete(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new collection is complete."""
    monkeypatch.setattr(sensors.documents, "due", lambda pipeline: "documents-new is complete")


def test_nothing_is_requested_where_nothing_is_due(installation: Installation) -> None:
    assert installation.tick().requests == []


@pytest.mark.usefixtures("complete")
def test_one_run_at_a_time_and_a_rest_after_one_that_failed(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    (request,) = installation.tick().of(JOB)
    run = launch(installation, request, dg.DagsterRunStatus.STARTED)
    assert installation.tick().requests == []
    report(installation, run, DagsterEventType.RUN_FAILURE)
    assert installation.tick().requests == []
    with monkeypatch.context() as patch:
        patch.setattr(sensors.documents, "SWITCH_PAUSE_SECONDS", 0.0)
        (again,) = installation.tick().requests
    # One that refused a collection its place has done its work.
    installation.pipeline.ledger.record_switches("documents", [Switch("documents-new", False, "finds less")])
    assert len(installation.tick().requests) == 1
    assert again.run_key != request.run_key


@pytest.mark.usefixtures("complete")
def test_a_run_that_was_killed_is_requested_again(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    (request,) = installation.tick().of(JOB)
    run = launch(installation, request, dg.DagsterRunStatus.STARTED)
    monkeypatch.setattr("sensors.silence.SILENT_SECONDS", 0.0)
    installation.pipeline.ledger.acquire(lease_name(run.run_id), run.run_id, GRACE)
    assert installation.tick().requests == []
    installation.pipeline.ledger.release(lease_name(run.run_id), run.run_id)
    assert installation.tick().requests == []
    assert [one.job_name for one in installation.tick().requests] == [JOB]
    ended = installation.instance.get_run_by_id(run.run_id)
    assert ended is not None
    assert ended.status is dg.DagsterRunStatus.FAILURE


@pytest.mark.parametrize("error", [IndexUnavailable("gone"), ModelMissing("no model")], ids=["index", "model"])
def test_an_index_in_trouble_keeps_nobody_from_looking_at_the_bucket(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def due(pipeline: Pipeline) -> str:
        raise error

    use_small_stages(monkeypatch, {})
    monkeypatch.setattr(sensors.documents, "due", due)
    installation.put(a="one")
    assert [request.job_name for request in installation.tick().requests] == ["index_documents"]
