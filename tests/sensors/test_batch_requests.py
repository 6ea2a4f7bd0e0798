"""Which documents travel together, in whose run, and how soon: on a real bucket, ledger and instance."""

from __future__ import annotations

import uuid

import dagster as dg
import pytest
from dagster._core.events import DagsterEventType
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin

from docpipe.models import DocumentStatus
from sensors.batch_runs import BATCH_TAG
from sensors.run_slots import LINE_TAG
from tests.installation import Installation, use_small_stages
from tests.sensors.runs import launch, report


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    use_small_stages(monkeypatch, {})


def change(installation: Installation, monkeypatch: pytest.MonkeyPatch, **settings: object) -> None:
    monkeypatch.setattr(installation.pipeline, "settings", installation.pipeline.settings.model_copy(update=settings))


def backlog(installation: Installation, documents: int) -> None:
    installation.put(**{f"b{number:03}": "text" for number in range(documents)})


def test_a_small_upload_overtakes_a_backlog_that_fills_all_its_batches(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    change(installation, monkeypatch, batch_documents=10, open_batches=2)
    backlog(installation, 40)
    first = installation.tick()
    assert [request.tags[LINE_TAG] for request in first.requests] == ["ordinary"] * 2
    assert [int(request.tags["docpipe/documents"]) for request in first.requests] == [10, 10]
    for request in first.requests:
        launch(installation, request, dg.DagsterRunStatus.STARTED)
    installation.put(upload="text", upload2="text")
    (urgent,) = installation.tick().requests
    assert installation.pipeline.ledger.batch_keys(urgent.tags[BATCH_TAG]) == ["upload", "upload2"]
    priority = installation.pipeline.settings.upload_priority
    assert (urgent.tags[LINE_TAG], int(urgent.tags["dagster/priority"])) == ("urgent", priority)
    assert all(int(request.tags["dagster/priority"]) < priority for request in first.requests)


def test_urgent_batches_leave_room_to_the_others(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    change(installation, monkeypatch, batch_documents=1, urgent_batches=1, open_batches=1, priority_prefixes="b=5,old=0")
    backlog(installation, 15)
    installation.put(old="text")
    requests = installation.tick().requests
    assert sorted(request.tags[LINE_TAG] for request in requests) == ["ordinary", "urgent"]


def test_a_run_gains_priority_while_it_is_queued(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    change(installation, monkeypatch, priority_prefixes="low=-20", upload_documents=0)
    installation.put(low="text")
    (request,) = installation.tick().requests
    name, queued = str(request.job_name), dg.DagsterRunStatus.QUEUED
    origin = RemoteJobOrigin(RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("here"), "all"), name)
    run = dg.DagsterRun(name, run_id=str(uuid.uuid4()), tags=dict(request.tags), status=queued, remote_job_origin=origin)
    installation.instance.add_run(run)

    def priority() -> int:
        installation.tick()
        found = installation.instance.get_run_by_id(run.run_id)
        assert found
        return int(found.tags["dagster/priority"])

    assert priority() == -20
    # Else it would be overtaken for ever, by runs of priority 0 that never cease.
    monkeypatch.setattr("sensors.settling.PRIORITY_SECONDS", 1e-6)
    assert priority() > 0
    report(installation, run, DagsterEventType.RUN_START)
    was = priority()
    assert priority() == was


def test_a_place_in_the_bucket_gives_a_priority(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    change(installation, monkeypatch, priority_prefixes="low=-20", upload_documents=0)
    installation.put(low="text", other="text")
    installation.tick()
    assert [installation.document(key).priority for key in ("low", "other")] == [-20, 0]
    (batch,) = installation.pipeline.ledger.open_batches()
    assert batch.priority == 0


def test_what_waits_is_shared_by_the_runs_that_could_begin(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    change(installation, monkeypatch, batch_smallest=2)
    monkeypatch.setattr("sensors.batch_requests.run_slots", lambda instance, urgent: 1 if urgent else 3)
    backlog(installation, 15)
    assert [request.tags["docpipe/documents"] for request in installation.tick().requests] == ["5", "5", "5"]


def test_an_old_backlog_travels_in_full_batches(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    change(installation, monkeypatch, batch_smallest=2, patience_seconds=0.0)
    monkeypatch.setattr("sensors.batch_requests.run_slots", lambda instance, urgent: 3)
    backlog(installation, 15)
    assert [request.tags["docpipe/documents"] for request in installation.tick().requests] == ["15"]


def test_a_cancelled_batch_is_held_until_it_is_resumed(installation: Installation) -> None:
    installation.put(a="one", b="two")
    (request,) = installation.tick().requests
    run = launch(installation, request, dg.DagsterRunStatus.STARTED)
    ledger = installation.pipeline.ledger
    assert ledger.cancel(request.tags[BATCH_TAG][:6]) == request.tags[BATCH_TAG]
    assert installation.tick().requests == []
    report(installation, run, DagsterEventType.RUN_FAILURE)
    assert installation.tick().requests == []
    document = installation.document("a")
    assert (document.status, document.attempts) == (DocumentStatus.PENDING, 0)
    assert f"docpipe resume {request.tags[BATCH_TAG]}" in str(document.error)
    assert installation.tick().requests == []
    assert ledger.resume(request.tags[BATCH_TAG]).documents == ["a", "b"]
    (again,) = installation.tick().requests
    assert installation.run(again).success


@pytest.mark.parametrize("batched", [True, False])
def test_a_run_that_somebody_ends_in_the_ui_does_not_come_back_by_itself(installation: Installation, batched: bool) -> None:
    installation.put(a="one")
    (request,) = installation.tick().requests
    if not batched:
        assert installation.run(request).success
        request = dg.RunRequest(job_name=request.job_name)
    run = launch(installation, request, dg.DagsterRunStatus.STARTED)
    if not batched:
        from docpipe.models import StageName

        installation.pipeline.ledger.start(StageName.CHUNKS, {"a": (1, "f", "r")}, run.run_id)
    report(installation, run, DagsterEventType.RUN_CANCELED)
    assert installation.tick().requests == []
    assert installation.tick().requests == []
    assert installation.pipeline.ledger.line().held == 1
    assert installation.pipeline.ledger.resume(None if batched else run.run_id).documents == ["a"]
    assert len(installation.tick().requests) == 1


def test_the_run_of_a_cancelled_batch_can_be_executed_again_from_the_ui(installation: Installation) -> None:
    installation.put(a="one", b="two")
    (request,) = installation.tick().requests
    report(installation, launch(installation, request, dg.DagsterRunStatus.STARTED), DagsterEventType.RUN_CANCELED)
    installation.tick()
    assert installation.run(request).success
    assert set(installation.statuses().values()) == {DocumentStatus.INDEXED}
    assert installation.tick().requests == []


def test_a_cancelled_batch_without_a_run_is_held_too(installation: Installation) -> None:
    installation.put(a="one")
    (request,) = installation.tick().requests
    installation.pipeline.ledger.cancel(request.tags[BATCH_TAG])
    assert installation.tick().requests == []
    assert installation.pipeline.ledger.line().held == 1


def test_a_run_that_dagster_ended_since_it_was_out_of_time_counts(installation: Installation) -> None:
    installation.put(a="one")
    (request,) = installation.tick().requests
    short = request.with_replaced_attrs(tags={**request.tags, "dagster/max_runtime": "0"})
    run = launch(installation, short, dg.DagsterRunStatus.STARTED)
    report(installation, run, DagsterEventType.RUN_CANCELED)
    assert len(installation.tick().requests) == 1
    assert installation.document("a").attempts == 1


def test_what_batches_and_runs_took_is_counted(installation: Installation) -> None:
    installation.put(a="one", b="two")
    (request,) = installation.tick().requests
    installation.run(request)
    installation.tick()
    counted = closings(installation)
    assert (counted["docpipe_batch_documents_sum"], counted["docpipe_batch_documents_count"]) == (2, 1)
    assert counted["docpipe_run_seconds_count"] == 1
    assert counted["docpipe_run_seconds_sum"] > 0
    installation.tick()
    assert closings(installation) == counted


def closings(installation: Installation) -> dict[str, float]:
    found = {sample.name: sample.value for sample in installation.pipeline.ledger.counters()}
    return {name: value for name, value in found.items() if name.startswith(("docpipe_batch_documents_", "docpipe_run_seconds_"))}
