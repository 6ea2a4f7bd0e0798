"""What operations see of a run: counters, lines of the log, and one trace from the sensor's tick to each stage."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from docpipe.errors import ParseFailed
from docpipe.logs.setup import PRODUCT
from docpipe.metrics.snapshot import samples
from docpipe.models import StageName
from docpipe.tracing import flush_traces
from docpipe.tracing.setup import shut_down_traces
from tests.installation import Installation, use_small_stages
from tests.trace_receiver import Receiver, receiver

KEYS = ("a", "b", "c")


@pytest.fixture
def received(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """The product says all it can: JSON lines from debug on, and traces."""
    monkeypatch.setenv("DOCPIPE_LOG_FORMAT", "json")
    monkeypatch.setenv("LOG_LEVEL", "debug")
    use_small_stages(
        monkeypatch, {StageName.CHUNKS: lambda document, time: ParseFailed("it makes no sense") if document.key == "b" else None}
    )
    handlers, level = list(PRODUCT.handlers), PRODUCT.level
    with receiver() as state:
        monkeypatch.setenv("DOCPIPE_TRACES", state.url)
        yield state
        shut_down_traces()
    PRODUCT.handlers[:] = handlers
    PRODUCT.setLevel(level)


def run_all(installation: Installation) -> str:
    """Three documents, of which one fails; returns the id of the run."""
    installation.put(**{key: f"the text of {key}" for key in KEYS})
    (result,) = installation.process_all()
    # The next tick finds the run over.
    installation.tick()
    return result.run_id


def test_one_trace_covers_tick_run_and_stages(installation: Installation, received: Receiver) -> None:
    run_id = run_all(installation)
    flush_traces()
    first, _second = received.named("sensor tick")
    (run,) = received.named("run index_documents")
    stages = [span for span in received.spans if span.name.startswith("stage ")]
    assert {span.name for span in stages} == {f"stage {name}" for name in StageName}
    assert {span.parent for span in stages} == {run.id}
    assert (run.parent, run.attributes["docpipe.run"], run.failed) == (first.id, run_id, "failure")
    assert {span.trace for span in stages} == {run.trace} == {first.trace}
    (chunks,) = received.named("stage chunks")
    assert {name: chunks.attributes[f"docpipe.{name}"] for name in ("run", "stage", "documents", "failed")} == {
        "run": run_id,
        "stage": "chunks",
        "documents": 3,
        "failed": 1,
    }
    assert chunks.attributes["docpipe.batch"]
    assert {event["document"]: name for name, event in chunks.events} == {"a": "document", "b": "document failed", "c": "document"}


def test_every_line_says_which_run_and_document(installation: Installation, received: Receiver, capfd: pytest.CaptureFixture[str]) -> None:
    run_id = run_all(installation)
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines() if line.startswith("{")]
    about = [line for line in lines if line.get("stage") == "chunks" and "document" in line]
    assert {(line["document"], line["level"], line["run"]) for line in about} == {
        ("a", "debug", run_id),
        ("b", "warning", run_id),
        ("c", "debug", run_id),
    }
    assert len({line["batch"] for line in about}) == 1
    (failed,) = (line for line in about if line["document"] == "b")
    assert failed["message"] == "b: ParseFailed: it makes no sense"


@pytest.mark.usefixtures("received")
def test_counters_tell_what_the_run_did(installation: Installation) -> None:
    run_all(installation)
    found = {
        (one.name.removeprefix("docpipe_"), *(one.labels[name] for name in sorted(one.labels))): one.value
        for one in samples(installation.pipeline)
    }
    expected = {
        ("stage_results_total", "made", "parsed_pages"): 3,
        ("stage_results_total", "made", "chunks"): 2,
        ("stage_results_total", "failed", "chunks"): 1,
        ("pages_total",): 3,
        ("chunks_total",): 2,
        ("stage_seconds_count", "chunks"): 2,
        ("stage_seconds_bucket", "0.05", "chunks"): 0,
        ("stage_seconds_bucket", "+Inf", "chunks"): 2,
        ("batch_documents_sum",): 3,
        ("run_seconds_count", "index_documents"): 1,
        ("documents", "indexed"): 2,
    }
    assert expected.items() <= found.items()
    assert found["last_look_timestamp_seconds",] > 0


def test_counters_can_be_switched_off(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONITORING_ENABLED", "false")
    use_small_stages(monkeypatch, {})
    run_all(installation)
    assert not [one for one in installation.pipeline.ledger.counters() if one.name.startswith("docpipe_stage_")]
