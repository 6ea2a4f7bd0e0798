"""Failed documents in Dagster: the sensor asks once, the job moves them, and the UI shows it on their partitions."""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import SimpleNamespace

import dagster as dg
import pytest

import sensors.quarantine
from docpipe.errors import ParseFailed
from docpipe.models import Document, DocumentStatus, StageName
from resources.pipeline import PipelineResource
from tests.installation import Installation, use_small_stages


class Trouble:
    """Documents fail in the stage `chunks` until somebody mends it."""

    def __init__(self, *keys: str) -> None:
        self.keys = set(keys)

    def __call__(self, document: Document, _time: int) -> Exception | None:
        return ParseFailed(f"{document.key} makes no sense") if document.key in self.keys else None


@pytest.fixture
def trouble(monkeypatch: pytest.MonkeyPatch, installation: Installation) -> Trouble:
    """Three documents, of which one failed and one was refused."""
    made = Trouble("bad")
    use_small_stages(monkeypatch, {StageName.CHUNKS: made})
    installation.put(good="one line", bad="another", empty="")
    installation.process_all()
    assert installation.statuses() == {"good": DocumentStatus.INDEXED, "bad": DocumentStatus.FAILED, "empty": DocumentStatus.REFUSED}
    # Closes the batch.
    installation.tick()
    return made


def ask(installation: Installation) -> tuple[list[dg.RunRequest], str]:
    """What one evaluation of the sensor comes to."""
    context = dg.build_sensor_context(
        instance=installation.instance, definitions=installation.definitions, resources={"pipeline": PipelineResource()}
    )
    data = installation.definitions.resolve_sensor_def("quarantine").evaluate_tick(context)
    return list(data.run_requests or ()), data.skip_message or ""


def step(installation: Installation, job: str, op: str, documents: Sequence[str]) -> dg.ExecuteInProcessResult:
    config = {"ops": {op: {"config": {"documents": list(documents)}}}}
    definition = installation.definitions.resolve_job_def(job)
    return definition.execute_in_process(instance=installation.instance, run_config=config, raise_on_error=False)


def shown(installation: Installation, stage: StageName, key: str) -> list[str]:
    return [one.description or "" for one in installation.observations(stage) if one.partition == key]


def test_what_failed_and_what_was_refused_is_quarantined_and_shown(installation: Installation, trouble: Trouble) -> None:
    ((request,), _) = ask(installation)
    assert installation.execute("quarantine_documents", tags={"dagster/run_key": request.run_key or ""}).success
    assert installation.statuses() == {
        "good": DocumentStatus.INDEXED,
        "bad": DocumentStatus.QUARANTINED,
        "empty": DocumentStatus.QUARANTINED,
    }
    assert [info.key for info in installation.pipeline.bucket.list()] == ["_quarantine/bad", "_quarantine/empty", "good"]
    assert shown(installation, StageName.CHUNKS, "bad")[0] == "quarantined: bad makes no sense"
    assert shown(installation, StageName.PARSED_PAGES, "empty")[0].startswith("quarantined: the file is empty")
    trail = installation.pipeline.ledger.audit_trail("bad")
    assert [(entry.event, entry.actor) for entry in trail] == [
        ("registered", "sensor"),
        ("queued", "sensor"),
        ("started", "run"),
        ("completed", "run"),
        ("started", "run"),
        ("failed", "run"),
        ("quarantined", "run"),
    ]
    assert ask(installation) == ([], "no document waits to be quarantined")
    assert installation.tick().requests == []


def test_no_second_run_is_requested_while_one_is_on_its_way(installation: Installation, trouble: Trouble) -> None:
    job = installation.definitions.resolve_job_def("quarantine_documents")
    run = installation.instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTING)
    assert ask(installation) == ([], "a run is on its way")
    installation.instance.report_run_failed(run, "in the test")
    assert ask(installation) == ([], "the last run has just failed: read its log")


def test_the_rest_grows_while_runs_fail(installation: Installation, trouble: Trouble, monkeypatch: pytest.MonkeyPatch) -> None:
    job = installation.definitions.resolve_job_def("quarantine_documents")
    later = time.time() + 400
    monkeypatch.setattr(sensors.quarantine, "time", SimpleNamespace(time=lambda: later))
    for rests in (False, True):
        installation.instance.report_run_failed(installation.instance.create_run_for_job(job), "in the test")
        assert bool(ask(installation)[0]) is not rests


def test_two_daemons_do_not_ask_at_once(installation: Installation, trouble: Trouble) -> None:
    with installation.pipeline.ledger.lease("sensor/quarantine", owner="the other", seconds=60):
        assert ask(installation) == ([], "another evaluation of this sensor is under way")


def test_released_in_the_ui_a_document_goes_through(installation: Installation, trouble: Trouble) -> None:
    installation.execute("quarantine_documents")
    trouble.keys.clear()
    assert step(installation, "release_quarantined", "release_documents", ["bad"]).success
    assert shown(installation, StageName.CHUNKS, "bad")[0] == "released: bad makes no sense"
    assert all(result.success for result in installation.process_all())
    assert installation.document("bad").status is DocumentStatus.INDEXED
    assert installation.document("bad").generation == 2
    assert "bad" in installation.partitions(StageName.CHUNKS).materialized


def test_what_is_refused_fails_the_job_and_not_the_others(installation: Installation, trouble: Trouble) -> None:
    installation.execute("quarantine_documents")
    result = step(installation, "release_quarantined", "release_documents", ["good", "bad"])
    assert not result.success
    assert installation.document("bad").status is DocumentStatus.PENDING
    again = step(installation, "release_quarantined", "release_documents", ["bad"])
    (failure,) = (event for event in again.all_events if event.is_step_failure)
    assert "was released already" in str(failure.step_failure_data.error)
    assert not step(installation, "release_quarantined", "release_documents", ["empty", "nobody"]).success
    # A name that nobody knows stops the job before it begins.
    assert installation.document("empty").status is DocumentStatus.QUARANTINED


def test_dropped_in_the_ui_a_document_is_removed(installation: Installation, trouble: Trouble) -> None:
    installation.execute("quarantine_documents")
    assert step(installation, "drop_quarantined", "drop_documents", ["bad", "empty"]).success
    (removal,) = installation.tick().of("remove_documents")
    assert installation.run(removal).success
    assert [info.key for info in installation.pipeline.bucket.list()] == ["good"]
    assert installation.statuses() == {"good": DocumentStatus.INDEXED, "bad": DocumentStatus.DELETED, "empty": DocumentStatus.DELETED}
    assert not list(installation.pipeline.artifact_bucket.list(prefix="errors/"))


def test_an_older_version_leaves_the_index_when_the_newer_is_quarantined(installation: Installation, trouble: Trouble) -> None:
    trouble.keys.add("good")
    installation.put(good="changed, and bad now")
    installation.process_all()
    installation.tick()
    installation.execute("quarantine_documents")
    assert installation.document("good").status is DocumentStatus.QUARANTINED
    assert installation.pipeline.ledger.outdated(10) == ["good"]
    (removal,) = installation.tick().of("remove_documents")
    assert installation.run(removal).success
    assert installation.pipeline.ledger.outdated(10) == []
