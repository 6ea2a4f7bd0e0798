"""Stages that have to stop: what was done stays, the rest comes back, in a run of the true job."""

from __future__ import annotations

from collections.abc import Mapping

import dagster as dg
import pytest
from dagster._core.events import DagsterEventType

import doc_assets.limits
from docpipe.models import Document, DocumentStatus, StageName
from sensors.batch_runs import BATCH_TAG
from tests.installation import Installation, use_small_stages
from tests.sensors.runs import report
from tests.stages import Trouble

TEXTS = dict.fromkeys("abcd", "text")


def change(installation: Installation, monkeypatch: pytest.MonkeyPatch, **settings: object) -> None:
    monkeypatch.setattr(installation.pipeline, "settings", installation.pipeline.settings.model_copy(update=settings))


def requested(installation: Installation, monkeypatch: pytest.MonkeyPatch, trouble: Mapping[StageName, Trouble]) -> dg.RunRequest:
    use_small_stages(monkeypatch, trouble)
    installation.put(**TEXTS)
    (request,) = installation.tick().requests
    return request


def done(installation: Installation, stage: StageName) -> set[str]:
    return {key for key, of in installation.pipeline.ledger.stage_states(list(TEXTS)) if of is stage and _complete(installation, key, of)}


def _complete(installation: Installation, key: str, stage: StageName) -> bool:
    return installation.pipeline.ledger.stage_states([key])[key, stage].is_complete_for(installation.document(key))


def test_a_stage_out_of_time_lets_what_is_done_go_on(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    change(installation, monkeypatch, stage_seconds_of="chunks=0.000000001")
    request = requested(installation, monkeypatch, {})
    assert installation.run(request).success
    (first,) = done(installation, StageName.CHUNKS)
    assert installation.document(first).status is DocumentStatus.INDEXED
    left = set(TEXTS) - {first}
    assert {(installation.document(key).status, installation.document(key).attempts) for key in left} == {(DocumentStatus.PENDING, 1)}
    assert done(installation, StageName.PARSED_PAGES) == set(TEXTS)
    change(installation, monkeypatch, stage_seconds_of="")
    requests = installation.tick().requests
    # In a tenth of the company: of the 20 that a batch has at least, two.
    assert sorted(one.tags["docpipe/documents"] for one in requests) == ["1", "2"]
    assert all(installation.run(one).success for one in requests)
    assert set(installation.statuses().values()) == {DocumentStatus.INDEXED}


def test_a_run_out_of_time_ends_and_its_documents_wait_for_smaller_batches(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = requested(installation, monkeypatch, {})
    assert float(request.tags["dagster/max_runtime"]) > installation.pipeline.settings.run_seconds
    change(installation, monkeypatch, run_seconds=1e-9)
    result = installation.run(request)
    assert not result.success
    assert "DOCPIPE_RUN_SECONDS" in str([event.event_specific_data for event in result.all_events if event.is_step_failure])
    change(installation, monkeypatch, run_seconds=3_600.0)
    requests = installation.tick().requests
    assert [installation.document(key).attempts for key in TEXTS] == [1] * 4
    assert [one.tags["docpipe/documents"] for one in requests] == ["2", "2"]


@pytest.mark.parametrize("by_run", [True, False])
def test_a_cancelled_run_stops_between_two_documents(installation: Installation, monkeypatch: pytest.MonkeyPatch, by_run: bool) -> None:
    monkeypatch.setattr(doc_assets.limits, "CHECK_SECONDS", 0.0)
    ledger = installation.pipeline.ledger
    seen: list[str] = []

    def cancelling(document: Document, time: int) -> None:
        seen.append(document.key)
        if len(seen) == 2:
            batch = str(document.batch_id)
            run = ledger.stage_states([document.key])[document.key, StageName.CHUNKS].run_id
            assert ledger.cancel(str(run) if by_run else batch) == batch

    request = requested(installation, monkeypatch, {StageName.CHUNKS: cancelling})
    assert not installation.run(request).success
    assert len(seen) == 2
    assert done(installation, StageName.CHUNKS) == set(seen)
    assert installation.tick().requests == []
    assert ledger.line().held == 4
    ledger.resume(request.tags[BATCH_TAG])
    (again,) = installation.tick().requests
    assert installation.run(again).success
    # What was done is found, not done again.
    assert sorted(seen) == sorted(TEXTS)
    assert set(installation.statuses().values()) == {DocumentStatus.INDEXED}


def test_a_run_that_is_not_cancelled_is_not_stopped_by_another_one(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doc_assets.limits, "CHECK_SECONDS", 0.0)
    request = requested(installation, monkeypatch, {})
    installation.put(other="text")
    (other,) = (one for one in installation.tick().requests if one.run_key != request.run_key)
    installation.pipeline.ledger.cancel(other.tags[BATCH_TAG])
    assert installation.run(request).success
    assert not installation.run(other).success


def test_a_step_that_outlives_its_run_stops(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doc_assets.limits, "CHECK_SECONDS", 0.0)
    seen: list[str] = []

    def ended_meanwhile(document: Document, time: int) -> None:
        seen.append(document.key)
        (run,) = installation.instance.get_runs()
        report(installation, run, DagsterEventType.RUN_CANCELED)

    request = requested(installation, monkeypatch, {StageName.PARSED_PAGES: ended_meanwhile})
    installation.run(request)
    assert len(seen) == 1
