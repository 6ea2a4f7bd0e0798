"""Batches listed, cancelled and resumed, and files added ahead of what waits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from docpipe.bucket import Bucket
from docpipe.ledger import Ledger
from docpipe.models import Document, DocumentStatus, ObjectInfo, StageName
from docpipe.pipeline import Pipeline
from docpipe.reconcile import reconcile, register_now
from docpipe.settings import Settings, load_settings
from tests.cli.test_commands import answer, invoke
from tests.environment import forget_variables


@pytest.fixture
def pipeline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipeline]:
    """Three documents in the batch `batch-1`, one of them begun by the run `run-1`, and one that waits."""
    forget_variables(monkeypatch)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DOCPIPE_HOME", str(tmp_path / "home"))
    pipeline = Pipeline(load_settings())
    for name in "abcd":
        pipeline.bucket.write(f"{name}.txt", b"text")
    reconcile(pipeline.bucket, pipeline.ledger, pipeline.settings)
    pipeline.ledger.queue("batch-1", ["a.txt", "b.txt", "c.txt"])
    pipeline.ledger.start(StageName.PARSED_PAGES, {"a.txt": (1, "f", "r")}, "run-1")
    yield pipeline
    pipeline.ledger.close()


@pytest.mark.usefixtures("pipeline")
def test_batches_say_how_far_they_are() -> None:
    found = answer("batches")
    (batch,) = found["batches"]
    assert (batch["batch_id"], batch["state"], batch["documents"], batch["unfinished"], batch["run_id"]) == (
        "batch-1",
        "running",
        3,
        3,
        "run-1",
    )
    assert found["waiting"] == {"ready": 1, "resting": 0, "held": 0}
    shown = invoke("batches").stdout
    assert "1 documents wait for a batch" in shown
    assert "running" in shown


def test_a_batch_is_cancelled_and_resumed(pipeline: Pipeline) -> None:
    assert answer("cancel", "run-1") == {"cancelled": "batch-1"}
    assert answer("batches")["batches"][0]["state"] == "cancelling"
    pipeline.ledger.close_batch("batch-1", 3, hold=True, reason="its run was cancelled")
    assert "3 are held until docpipe resume" in invoke("status").stdout
    assert answer("resume", "batch-1") == {"resumed": ["a.txt", "b.txt", "c.txt"], "batches": []}
    assert answer("resume", "batch-1", exits=1) == {"resumed": [], "batches": []}
    assert answer("status", "a.txt")["document"]["status"] == DocumentStatus.PENDING


@pytest.mark.usefixtures("pipeline")
def test_all_that_waits_is_held() -> None:
    # The batch has begun, and goes on.
    assert answer("cancel", "--all-waiting") == {"held": 1, "cancelled": []}
    assert answer("batches")["waiting"]["held"] == 1
    assert answer("resume", "--all") == {"resumed": ["d.txt"], "batches": []}
    # Nothing is held yet, and all the same there is something to take back.
    answer("cancel", "batch-1")
    assert "1 batches had not stopped yet" in " ".join(invoke("resume", "batch-1").stdout.split())


@pytest.mark.parametrize(
    "words", [("cancel",), ("cancel", "none"), ("cancel", "x", "--all-waiting"), ("resume",), ("resume", "x", "--all")]
)
@pytest.mark.usefixtures("pipeline")
def test_what_names_nothing_is_refused(words: tuple[str, ...]) -> None:
    assert invoke(*words).exit_code == 2


def test_files_can_be_added_ahead_of_what_waits(pipeline: Pipeline, tmp_path: Path) -> None:
    (tmp_path / "urgent.txt").write_text("urgent")
    (tmp_path / "empty.txt").write_text("")
    answer("add", str(tmp_path / "urgent.txt"), str(tmp_path / "empty.txt"), "--priority", "20")
    assert [(one.key, one.priority) for one in pipeline.ledger.pending(10)] == [("urgent.txt", 20), ("d.txt", 0)]
    assert answer("status", "empty.txt", exits=1)["document"]["status"] == DocumentStatus.REFUSED
    # The next look at the bucket finds them known.
    assert reconcile(pipeline.bucket, pipeline.ledger, pipeline.settings).registered == []
    assert invoke("add", str(tmp_path / "urgent.txt"), "--priority", "101").exit_code == 2


def test_a_file_that_the_sensor_was_quicker_to_see_gets_its_priority_too(
    pipeline: Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def quicker(bucket: Bucket, ledger: Ledger, settings: Settings, objects: list[ObjectInfo]) -> list[Document]:
        reconcile(bucket, ledger, settings)
        return register_now(bucket, ledger, settings, objects)

    monkeypatch.setattr("docpipe.cli.add.register_now", quicker)
    (tmp_path / "urgent.txt").write_text("urgent")
    answer("add", str(tmp_path / "urgent.txt"), "--priority", "20")
    assert [(one.key, one.priority) for one in pipeline.ledger.pending(10)] == [("urgent.txt", 20), ("d.txt", 0)]
