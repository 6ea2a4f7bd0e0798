"""A run that is ended in the UI, and a batch that is cancelled, with Dagster's real daemon: held, resumed, done."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import dagster as dg
import pytest

from docpipe.cli.dagster_process import daemon, prepare_instance
from docpipe.consistency import check
from docpipe.models import DocumentStatus, StageName, StageStatus
from docpipe.pipeline import Pipeline
from docpipe.settings import Settings
from sensors.batch_runs import BATCH_TAG
from tests.end_to_end.home import TEXTS
from tests.end_to_end.test_daemon import PROJECT, wait_until


class Installed:
    """The product with its daemon running."""

    def __init__(self, pipeline: Pipeline, instance: dg.DagsterInstance, process: subprocess.Popen[bytes], log: Path) -> None:
        self.pipeline = pipeline
        self.instance = instance
        self._process = process
        self._log = log

    def until(self, condition: Callable[[], bool]) -> None:
        wait_until(condition, self._process, self._log)

    def runs(self) -> list[dg.DagsterRun]:
        return list(self.instance.get_runs(dg.RunsFilter(job_name="index_documents")))

    def running(self, before: Mapping[tuple[str, StageName], int] = MappingProxyType({})) -> dg.DagsterRun:
        """The run that has done more for the documents than was done before it, and is not done with them."""
        self.until(lambda: bool(self.done().keys() - before.keys()))
        (run,) = (run for run in self.runs() if not run.is_finished)
        return run

    def done(self) -> dict[tuple[str, StageName], int]:
        """The documents with the stages that they have passed, and the attempts at it."""
        states = self.pipeline.ledger.stage_states(list(TEXTS))
        return {place: state.attempts for place, state in states.items() if state.status is StageStatus.COMPLETE}

    def held(self) -> None:
        """Wait until what the run left is held; the sensor has to look several times for that."""
        self.until(lambda: self.pipeline.ledger.line().held > 0)
        assert self.pipeline.ledger.open_batches() == []
        documents = self.pipeline.ledger.all_documents()
        assert {one.attempts for one in documents} == {0}

    def indexed(self) -> bool:
        return self.pipeline.ledger.summary().documents == {DocumentStatus.INDEXED: len(TEXTS)}


@pytest.mark.timeout(600)
def test_what_was_cancelled_is_held_and_goes_on_when_it_is_resumed(
    settings: Callable[..., Settings], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = settings(ocr=False)
    for name, value in {"SENSOR_SECONDS": "2", "OCR": "false"}.items():
        monkeypatch.setenv(f"DOCPIPE_{name}", value)
    environment = prepare_instance(made, PROJECT)
    monkeypatch.setenv("DAGSTER_HOME", environment["DAGSTER_HOME"])
    pipeline = Pipeline(made)
    ledger = pipeline.ledger
    for name, text in TEXTS.items():
        pipeline.bucket.write(name, text.encode())
    log = tmp_path / "daemon.log"
    with dg.DagsterInstance.get() as instance, daemon(environment, PROJECT, log) as process:
        installed = Installed(pipeline, instance, process, log)
        ended = installed.running()
        # As the button in the UI does it.
        assert instance.run_launcher.terminate(ended.run_id)
        installed.held()
        record = instance.get_run_by_id(ended.run_id)
        assert record
        assert record.status is dg.DagsterRunStatus.CANCELED
        done = installed.done()

        ledger.resume(ended.tags[BATCH_TAG])
        cancelled = installed.running(done)
        assert ledger.cancel(cancelled.run_id) == cancelled.tags[BATCH_TAG]
        installed.held()
        installed.until(lambda: bool((found := instance.get_run_by_id(cancelled.run_id)) and found.is_finished))
        done = installed.done()

        assert ledger.resume().documents
        installed.until(lambda: installed.indexed() and all(run.is_finished for run in installed.runs()))
        assert len({run.tags[BATCH_TAG] for run in installed.runs()}) == len(installed.runs()) == 3
        # What was done is found, and not done again.
        assert installed.done().items() >= done.items()
        assert check(pipeline).inconsistencies == []
    ledger.close()
