"""The sensor on a real bucket, a real ledger and a real Dagster instance; whoever dies, nothing is lost or done twice."""

from __future__ import annotations

import threading
import uuid
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import dagster as dg
import pytest
from dagster._core.events import DagsterEventType

import sensors.documents
import sensors.silence
from docpipe import reconcile
from docpipe.errors import BucketDenied, ConfigurationError, ParseFailed, TransientError
from docpipe.heartbeat import GRACE, lease_name
from docpipe.models import Document, DocumentStatus, StageName
from docpipe.waiting_line import HIGHEST
from resources.pipeline import _pipeline
from sensors.batch_requests import request_batches
from sensors.batch_runs import BATCH_TAG
from sensors.partition_order import PartitionOrder
from tests.installation import Installation, Tick, use_small_stages
from tests.sensors.runs import launch, report

JOB = "index_documents"


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    use_small_stages(monkeypatch, {})


def requested(installation: Installation, tick: Tick) -> set[str]:
    """The documents of all runs that a tick requested."""
    return {key for request in tick.of(JOB) for key in installation.pipeline.ledger.batch_keys(request.tags[BATCH_TAG])}


def process(installation: Installation) -> set[str]:
    """One tick with all its runs; returns the documents of the batches."""
    tick = installation.tick()
    keys = requested(installation, tick)
    assert all(installation.run(request).success for request in tick.requests)
    return keys


def test_new_changed_and_deleted_objects(installation: Installation) -> None:
    installation.put(a="one", b="two", c="three")
    assert process(installation) == {"a", "b", "c"}
    assert "0 runs requested" in installation.tick().skipped
    installation.put(b="changed", d="new")
    installation.pipeline.bucket.delete("c")
    assert process(installation) == {"b", "d"}
    assert installation.statuses() == {
        "a": DocumentStatus.INDEXED,
        "b": DocumentStatus.INDEXED,
        "c": DocumentStatus.DELETED,
        "d": DocumentStatus.INDEXED,
    }
    assert [installation.document(key).generation for key in "abd"] == [1, 2, 1]


def test_a_removal_leaves_a_tombstone_and_nothing_else(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    installation.put(a="one", b="two")
    process(installation)
    installation.pipeline.bucket.delete("a")
    (removal,) = installation.tick().requests
    assert removal.job_name == "remove_documents"
    # Requested again only when no removal is on its way.
    run = launch(installation, removal, dg.DagsterRunStatus.STARTED)
    ledger = installation.pipeline.ledger
    monkeypatch.setattr(sensors.silence, "SILENT_SECONDS", 0.0)
    ledger.acquire(lease_name(run.run_id), run.run_id, GRACE)
    assert installation.tick().requests == []
    # One whose process was killed gives no sign of life, and must not keep the next one away.
    ledger.release(lease_name(run.run_id), run.run_id)
    assert installation.tick().requests == []
    (again,) = installation.tick().requests
    assert again.run_key != removal.run_key
    assert installation.run(again).success
    assert installation.document("a").status is DocumentStatus.DELETED
    assert installation.pipeline.ledger.stage_states(["a"]) == {}
    assert list(installation.pipeline.artifacts.list_document("a")) == []
    assert list(installation.pipeline.artifacts.list_document("b")) != []
    assert list(installation.instance.get_dynamic_partitions("documents")) == ["b"]


def test_the_same_bytes_deleted_and_uploaded_again_are_processed_again(installation: Installation) -> None:
    installation.put(a="one")
    process(installation)
    installation.pipeline.bucket.delete("a")
    process(installation)
    installation.put(a="one")
    assert process(installation) == {"a"}
    assert (installation.document("a").status, installation.document("a").generation) == (DocumentStatus.INDEXED, 2)
    assert list(installation.instance.get_dynamic_partitions("documents")) == ["a"]


def test_nothing_is_requested_twice_while_it_is_in_flight(installation: Installation) -> None:
    installation.put(a="one", b="two")
    (request,) = installation.tick().requests
    run = launch(installation, request, dg.DagsterRunStatus.STARTING)
    assert installation.tick().requests == []
    # A change of a document in flight waits until its run is over, and is not forgotten.
    installation.put(a="changed")
    assert installation.tick().requests == []
    report(installation, run, DagsterEventType.RUN_SUCCESS)
    assert requested(installation, installation.tick()) == {"a", "b"}


def test_of_two_evaluations_at_once_one_steps_back(durable_installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    durable_installation.put(a="one", b="two")
    inside, go_on = threading.Event(), threading.Event()

    def slow(*arguments: object, **named: object) -> reconcile.Reconciliation:
        inside.set()
        assert go_on.wait(60)
        return reconcile.reconcile(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(sensors.documents, "reconcile", slow)
    first: list[Tick] = []
    thread = threading.Thread(target=lambda: first.append(durable_installation.tick()))
    thread.start()
    assert inside.wait(60)
    second = durable_installation.tick()
    go_on.set()
    thread.join()
    assert (second.requests, second.skipped) == ([], "another evaluation of this sensor is under way")
    assert requested(durable_installation, first[0]) == {"a", "b"}


def test_a_tick_that_died_after_claiming_is_made_good_by_the_next(installation: Installation) -> None:
    installation.put(a="one", b="two")
    pipeline = installation.pipeline
    reconcile.reconcile(pipeline.bucket, pipeline.ledger, pipeline.settings)
    documents = dg.DynamicPartitionsDefinition(name="documents")
    (lost,) = request_batches(installation.instance, PartitionOrder(installation.instance, documents), pipeline, JOB, float("inf"))
    (again,) = installation.tick().requests
    assert (again.run_key, again.tags) == (lost.run_key, {**lost.tags, "dagster/sensor_name": "documents"})
    assert installation.run(again).success
    assert installation.tick().requests == []


def test_a_tick_that_died_while_claiming_is_made_good_by_the_next(installation: Installation) -> None:
    installation.put(a="one", b="two")
    pipeline = installation.pipeline
    reconcile.reconcile(pipeline.bucket, pipeline.ledger, pipeline.settings)
    pipeline.ledger.queue("batch", ["a", "b"])
    (request,) = installation.tick().requests
    assert request.run_key != "batch"
    assert installation.pipeline.ledger.batch_keys(request.tags[BATCH_TAG]) == ["a", "b"]
    assert [installation.document(key).attempts for key in "ab"] == [0, 0]


def test_documents_of_a_run_that_failed_early_wait_again_but_not_for_ever(installation: Installation) -> None:
    installation.put(a="one", b="two")
    limit = installation.pipeline.settings.max_attempts
    for attempt in range(limit):
        tick = installation.tick()
        assert requested(installation, tick) == {"a", "b"}
        assert [installation.document(key).attempts for key in "ab"] == [attempt, attempt]
        for request in tick.requests:
            report(installation, launch(installation, request, dg.DagsterRunStatus.STARTED), DagsterEventType.RUN_FAILURE)
    assert installation.tick().requests == []
    for key in "ab":
        document = installation.document(key)
        assert (document.status, document.attempts) == (DocumentStatus.FAILED, limit)
        assert "docpipe reprocess --failed" in str(document.error)


def test_a_run_that_succeeded_died_on_no_document(installation: Installation) -> None:
    installation.put(a="one", b="two")
    for _ in range(installation.pipeline.settings.max_attempts + 1):
        (request,) = installation.tick().requests
        report(installation, launch(installation, request, dg.DagsterRunStatus.STARTED), DagsterEventType.RUN_SUCCESS)
    assert requested(installation, installation.tick()) == {"a", "b"}
    assert [installation.document(key).attempts for key in "ab"] == [0, 0]


def test_a_silent_run_is_reported_as_failed_and_its_documents_are_freed(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    installation.put(a="one")
    (request,) = installation.tick().requests
    run = launch(installation, request, dg.DagsterRunStatus.STARTED)
    ledger = installation.pipeline.ledger
    # Just started: it may not have come to its first sign of life.
    assert installation.tick().requests == []
    # Long started, and giving signs of life.
    monkeypatch.setattr(sensors.silence, "SILENT_SECONDS", 0.0)
    assert ledger.acquire(lease_name(run.run_id), run.run_id, GRACE)
    assert installation.tick().requests == []
    # Silent, but not for long in the eyes of the sensor itself.
    monkeypatch.setattr(sensors.silence, "SILENT_SECONDS", 60.0)
    assert ledger.release(lease_name(run.run_id), run.run_id)
    assert installation.tick().requests == []
    assert installation.tick().requests == []
    monkeypatch.setattr(sensors.silence, "SILENT_SECONDS", 0.0)
    (again,) = installation.tick().requests
    assert again.run_key != request.run_key
    record = installation.instance.get_run_by_id(run.run_id)
    assert record
    assert record.status is dg.DagsterRunStatus.FAILURE
    assert installation.document("a").attempts == 1


@pytest.mark.parametrize(("end", "counted"), [(DagsterEventType.RUN_FAILURE, 1), (DagsterEventType.RUN_SUCCESS, 0)])
def test_a_run_from_the_ui_that_is_over_frees_its_documents(installation: Installation, end: DagsterEventType, counted: int) -> None:
    installation.put(a="one")
    process(installation)
    ledger = installation.pipeline.ledger
    run = launch(installation, dg.RunRequest(job_name=JOB), dg.DagsterRunStatus.STARTED)
    assert ledger.start(StageName.CHUNKS, {"a": (1, "f", "r")}, run.run_id) == ["a"]
    installation.tick()
    assert installation.document("a").status is DocumentStatus.RUNNING
    report(installation, run, end)
    assert requested(installation, installation.tick()) == {"a"}
    assert installation.document("a").attempts == counted


def test_a_listing_cut_short_goes_on_and_takes_nothing_for_gone(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"d{number}" for number in range(7)]
    installation.put(**dict.fromkeys(names, "text"))
    process(installation)
    installation.put(d0="changed", d6="changed")
    installation.pipeline.bucket.delete("d5")
    monkeypatch.setattr(reconcile, "SLICE", 2)
    clock = installation.pipeline.settings.model_copy(update={"tick_seconds": -1.0})
    monkeypatch.setattr(installation.pipeline, "settings", clock)
    seen: list[set[str]] = []
    cursors: list[str] = []
    while not cursors or cursors[-1] != "after:":
        tick = installation.tick()
        cursors.append(tick.cursor)
        seen.append(requested(installation, tick))
        assert all(installation.run(request).success for request in tick.requests)
        # It lies beyond where the first look stopped, and is there all the time.
        assert installation.statuses()["d4"] is DocumentStatus.INDEXED
    assert cursors[0] < "after:d4"
    assert cursors[:-1] == sorted(set(cursors[:-1]))
    assert len(cursors) > 2
    assert (seen[0], set().union(*seen)) == ({"d0"}, {"d0", "d6"})
    assert [key for key, status in installation.statuses().items() if status is DocumentStatus.DELETED] == ["d5"]


def test_many_new_documents_are_admitted_over_several_ticks(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    installation.put(**{f"d{number}": "text" for number in range(7)})
    monkeypatch.setattr(reconcile, "SLICE", 2)
    monkeypatch.setattr(installation.pipeline, "settings", installation.pipeline.settings.model_copy(update={"tick_documents": 3}))
    found: list[set[str]] = []
    for _ in range(3):
        tick = installation.tick()
        found.append(requested(installation, tick))
        for request in tick.requests:
            launch(installation, request, dg.DagsterRunStatus.STARTING)
    assert [sorted(keys) for keys in found] == [["d0", "d1", "d2", "d3"], ["d4", "d5", "d6"], []]


def test_refused_files_say_why_and_cost_no_run(installation: Installation) -> None:
    installation.put(empty="", text="something")
    installation.pipeline.bucket.write("picture.pdf", b"\x7fELF" + bytes(200))
    assert process(installation) == {"text"}
    for key, reason in (("empty", "empty"), ("picture.pdf", "program")):
        document = installation.document(key)
        assert document.status is DocumentStatus.REFUSED
        assert reason in str(document.error)
    assert list(installation.instance.get_dynamic_partitions("documents")) == ["text"]
    # Refused once: it is not looked at again until it changes.
    installation.put(empty="no longer")
    assert process(installation) == {"empty"}


def test_a_new_version_that_is_refused_or_fails_takes_the_old_one_out_of_the_index(installation: Installation) -> None:
    installation.put(a="one", b="two")
    process(installation)
    ledger = installation.pipeline.ledger
    assert ledger.outdated(10) == []
    installation.put(a="")
    (removal,) = installation.tick().requests
    assert removal.job_name == "remove_documents"
    assert ledger.outdated(10) == ["a"]
    assert installation.run(removal).success
    assert ledger.outdated(10) == []
    assert ("a", StageName.INDEXED_VECTORS) not in ledger.stage_states(["a"])
    assert installation.statuses() == {"a": DocumentStatus.REFUSED, "b": DocumentStatus.INDEXED}
    assert installation.tick().requests == []


@pytest.mark.parametrize(
    ("url", "named"), [("file:///not/there", "DOCPIPE_BUCKET"), ("ftp://host/x", "DOCPIPE_BUCKET"), ("s3://", "s3://bucket")]
)
def test_a_bucket_that_is_not_there_fails_the_tick_and_forgets_no_document(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, url: str, named: str
) -> None:
    installation.put(a="one")
    process(installation)
    before = installation.statuses()
    monkeypatch.setenv("DOCPIPE_BUCKET", url)
    _pipeline.cache_clear()
    with pytest.raises(ConfigurationError) as raised:
        installation.tick()
    assert named in str(raised.value)
    assert installation.statuses() == before


def test_wrong_credentials_fail_the_tick_with_the_setting_to_look_at(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, s3_endpoint: str
) -> None:
    bucket = f"closed-{uuid.uuid4().hex}"
    make_s3_bucket(s3_endpoint, bucket)
    use_s3(monkeypatch, s3_endpoint, bucket, secret="the-secret-word")
    # From here on the server believes nobody.
    assert (
        urlopen(Request(f"{s3_endpoint}/moto-api/reset-auth", data=b"0", headers={"Content-Type": "text/plain"}, method="POST")).status
        == 200
    )
    try:
        with pytest.raises(BucketDenied) as raised:
            installation.tick()
    finally:
        assert (
            urlopen(
                Request(f"{s3_endpoint}/moto-api/reset-auth", data=b"inf", headers={"Content-Type": "text/plain"}, method="POST")
            ).status
            == 200
        )
    message = str(raised.value)
    assert "S3_ACCESS_KEY" in message
    assert bucket in message
    assert "the-secret-word" not in message


def make_s3_bucket(endpoint: str, bucket: str) -> Any:
    import boto3

    client = boto3.client("s3", endpoint_url=endpoint, aws_access_key_id="k", aws_secret_access_key="s", region_name="us-east-1")
    client.create_bucket(Bucket=bucket)
    return client


def use_s3(monkeypatch: pytest.MonkeyPatch, endpoint: str, bucket: str, secret: str = "s") -> None:
    for variable, value in {"BUCKET": f"s3://{bucket}", "S3_ENDPOINT": endpoint, "S3_ACCESS_KEY": "k", "S3_SECRET_KEY": secret}.items():
        monkeypatch.setenv(f"DOCPIPE_{variable}", value)
    _pipeline.cache_clear()


@pytest.mark.parametrize(
    "name",
    [
        "größe/日本語 файл.txt",
        "a, b.txt",
        "../../escape.txt",
        " leading and trailing ",
        "bell\x07 delete\x7f tab\t.txt",
        "[range]...[end].txt",
        "x/" * 400 + "end.txt",
        "é" * 511 + "ab",
    ],
    ids=["unicode", "comma", "dots", "spaces", "control", "dagster's range", "long path", "1,024 bytes"],
)
def test_hostile_object_names_go_through_a_whole_run(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, s3_endpoint: str, name: str
) -> None:
    # S3, since a folder cannot hold all of them.
    bucket = f"names-{uuid.uuid4().hex}"
    client = make_s3_bucket(s3_endpoint, bucket)
    use_s3(monkeypatch, s3_endpoint, bucket)
    client.put_object(Bucket=bucket, Key=name, Body=b"some text")
    client.put_object(Bucket=bucket, Key="neighbour.txt", Body=b"more text")
    (request,) = installation.tick().requests
    assert installation.run(request).success
    document = installation.pipeline.ledger.find(name)
    assert document
    assert (document.object_key, document.status) == (name, DocumentStatus.INDEXED)
    assert installation.partitions(StageName.INDEXED_VECTORS).materialized == {document.key, "neighbour.txt"}
    # And alone, as somebody would choose it in the UI.
    assert installation.execute(JOB, partition_key=document.key).success


@pytest.mark.parametrize("end", ["d0", "d3"])
def test_a_run_is_not_hurt_when_an_end_of_its_range_moves_on_meanwhile(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    ticks: list[Tick] = []

    def trouble(document: Document, time: int) -> Exception | None:
        return ParseFailed("no") if document.key == end and document.generation == 1 else None

    def meanwhile(document: Document, time: int) -> Exception | None:
        if document.key == "d2" and not ticks:
            # It has failed already, and somebody replaces it while the others are on their way.
            installation.put(**{end: "replaced"})
            ticks.append(installation.tick())
        return None

    use_small_stages(monkeypatch, {StageName.PARSED_PAGES: trouble, StageName.CHUNKS: meanwhile})
    installation.put(d0="zero", d1="one", d2="two", d3="three")
    (request,) = installation.tick().requests
    result = installation.run(request)
    # Replaced meanwhile, it is no longer this run's affair.
    assert result.success
    for stage in StageName:
        assert {one.partition for one in installation.materializations(stage)} == {"d0", "d1", "d2", "d3"} - {end}
    assert [installation.run(one).success for one in ticks[0].requests] == [True]
    assert set(installation.statuses().values()) == {DocumentStatus.INDEXED}
    assert installation.document(end).generation == 2


@pytest.mark.parametrize("end", ["d0", "d3"])
def test_a_run_is_not_hurt_when_an_end_of_its_range_is_removed_meanwhile(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    removed: list[bool] = []

    def trouble(document: Document, time: int) -> Exception | None:
        return ParseFailed("no") if document.key == end else None

    def meanwhile(document: Document, time: int) -> Exception | None:
        if document.key == "d2" and not removed:
            installation.pipeline.bucket.delete(end)
            removed.extend(installation.run(request).success for request in installation.tick().requests)
        return None

    use_small_stages(monkeypatch, {StageName.PARSED_PAGES: trouble, StageName.CHUNKS: meanwhile})
    installation.put(d0="zero", d1="one", d2="two", d3="three")
    (request,) = installation.tick().requests
    installation.run(request)
    assert removed == [True]
    rest = {"d0", "d1", "d2", "d3"} - {end}
    for _ in range(2):
        for more in installation.tick().requests:
            installation.run(more)
    assert {key for key, status in installation.statuses().items() if status is DocumentStatus.INDEXED} == rest
    assert installation.statuses()[end] is DocumentStatus.DELETED
    assert set(installation.instance.get_dynamic_partitions("documents")) == rest
    for stage in StageName:
        assert {one.partition for one in installation.materializations(stage)} == rest


def test_a_bucket_folder_that_went_away_does_not_pass_for_an_empty_one(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / "mounted"
    folder.mkdir()
    monkeypatch.setenv("DOCPIPE_BUCKET", folder.as_uri())
    _pipeline.cache_clear()
    installation.put(a="one")
    process(installation)
    folder.rename(tmp_path / "unmounted")
    with pytest.raises(ConfigurationError) as raised:
        installation.tick()
    assert "mounted" in str(raised.value)
    assert installation.statuses() == {"a": DocumentStatus.INDEXED}


def few_a_batch(installation: Installation, monkeypatch: pytest.MonkeyPatch, documents: int) -> None:
    monkeypatch.setattr(installation.pipeline, "settings", installation.pipeline.settings.model_copy(update={"batch_documents": documents}))


def test_what_no_batch_may_take_now_waits_in_the_ledger(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    few_a_batch(installation, monkeypatch, 1)
    open_batches = installation.pipeline.settings.open_batches
    installation.put(**{f"d{number:02}": "text" for number in range(open_batches + 3)})
    first = installation.tick()
    assert len(first.requests) == open_batches
    runs = [launch(installation, request, dg.DagsterRunStatus.STARTED) for request in first.requests]
    assert installation.tick().requests == []
    for run in runs[:2]:
        report(installation, run, DagsterEventType.RUN_SUCCESS)
    assert len(installation.tick().requests) == 2


def test_a_tick_asks_once_for_the_runs_of_all_open_batches(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    few_a_batch(installation, monkeypatch, 1)
    installation.put(a="one", b="two", c="three")
    for request in installation.tick().requests:
        launch(installation, request, dg.DagsterRunStatus.STARTED)
    asked: list[str] = []

    def count(name: str) -> None:
        ask = getattr(installation.instance, name)

        def counted(*given: object, **named: object) -> object:
            asked.append(name)
            return ask(*given, **named)

        monkeypatch.setattr(installation.instance, name, counted)

    for name in ("get_runs", "get_run_records", "get_run_record_by_id", "get_run_by_id"):
        count(name)
    assert installation.tick().requests == []
    assert asked == ["get_run_records"]


def test_a_removal_overtakes_the_batches_that_wait(installation: Installation) -> None:
    installation.put(a="one")
    process(installation)
    installation.pipeline.bucket.delete("a")
    (removal,) = installation.tick().requests
    assert int(removal.tags["dagster/priority"]) > HIGHEST


def ui_run(installation: Installation, start: str, end: str) -> dg.DagsterRun:
    """A run that somebody launched on a range of partitions, and that has not come to its first step."""
    tags = {"dagster/asset_partition_range_start": start, "dagster/asset_partition_range_end": end}
    return launch(installation, dg.RunRequest(job_name=JOB, tags=tags), dg.DagsterRunStatus.STARTING)


def test_a_range_that_was_chosen_in_the_ui_keeps_its_documents(installation: Installation) -> None:
    installation.put(a="one", b="two", c="three", d="four")
    process(installation)
    run = ui_run(installation, "a", "c")
    installation.put(a="changed", d="changed", e="new")
    tick = installation.tick()
    assert list(installation.instance.get_dynamic_partitions("documents")) == ["a", "b", "c", "d", "e"]
    # Nobody waits for the run in the UI: the documents travel in pieces.
    assert {tuple(installation.pipeline.ledger.batch_keys(request.tags[BATCH_TAG])) for request in tick.requests} == {
        ("a",),
        ("d",),
        ("e",),
    }
    assert all(installation.run(request).success for request in tick.requests)
    report(installation, run, DagsterEventType.RUN_SUCCESS)
    installation.put(a="changed again", d="changed again")
    assert process(installation) == {"a", "d"}
    assert list(installation.instance.get_dynamic_partitions("documents")) == ["b", "c", "e", "a", "d"]


def test_a_removal_leaves_the_partition_to_a_range_that_was_chosen_in_the_ui(installation: Installation) -> None:
    installation.put(a="one", b="two", c="three")
    process(installation)
    run = ui_run(installation, "a", "c")
    installation.pipeline.bucket.delete("a")
    process(installation)
    assert installation.document("a").status is DocumentStatus.DELETED
    assert list(installation.pipeline.artifacts.list_document("a")) == []
    assert list(installation.instance.get_dynamic_partitions("documents")) == ["a", "b", "c"]
    report(installation, run, DagsterEventType.RUN_SUCCESS)
    # The next removal takes it along; one whose document is back stays.
    installation.pipeline.bucket.delete("b")
    process(installation)
    assert list(installation.instance.get_dynamic_partitions("documents")) == ["c"]


def test_documents_that_must_not_be_moved_after_all_are_left_to_a_later_tick(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    installation.put(a="one", b="two", c="three")
    process(installation)
    installation.put(a="changed", c="changed")
    answers = iter([False, True])
    # Somebody launches a run after the batch was cut and before its partitions are moved.
    monkeypatch.setattr("sensors.partition_order.partitions_are_named", lambda instance: next(answers))
    assert installation.tick().requests == []
    assert [(installation.document(key).status, installation.document(key).attempts) for key in "ac"] == [(DocumentStatus.PENDING, 0)] * 2
    monkeypatch.undo()
    assert list(installation.instance.get_dynamic_partitions("documents")) == ["a", "b", "c"]


@pytest.mark.parametrize("stage", [StageName.PARSED_PAGES, StageName.ENRICHED_CHUNKS])
def test_a_failed_run_that_is_executed_again_takes_its_documents_to_the_end(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, stage: StageName
) -> None:
    mended = False

    def trouble(document: Document, time: int) -> Exception | None:
        return ParseFailed("no") if document.key != "b" and not mended else None

    use_small_stages(monkeypatch, {stage: trouble})
    installation.put(a="one", b="two", c="three")
    (request,) = installation.tick().requests
    assert not installation.run(request).success
    mended = True
    # Dagster gives the new run the tags of the old one.
    assert installation.run(request).success
    assert installation.statuses() == dict.fromkeys("abc", DocumentStatus.INDEXED)
    assert installation.partitions(StageName.INDEXED_VECTORS).materialized == {"a", "b", "c"}


def test_an_old_version_stays_in_the_index_while_its_successor_may_yet_succeed(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trouble(document: Document, time: int) -> Exception | None:
        return TransientError("busy", retry_after=0.01) if document.generation == 2 and document.key == "a" else None

    use_small_stages(monkeypatch, {StageName.CHUNKS: trouble})
    installation.put(a="one")
    process(installation)
    installation.put(a="changed")
    for _ in range(installation.pipeline.settings.max_attempts):
        (request,) = installation.tick().requests
        assert not installation.run(request).success
    assert installation.document("a").status is DocumentStatus.FAILED
    assert ("a", StageName.INDEXED_VECTORS) in installation.pipeline.ledger.stage_states(["a"])
    assert installation.tick().requests == []
