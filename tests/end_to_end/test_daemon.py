"""Dagster's real daemon on an installed product: the sensor finds documents, a killed run is made good."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest

from docpipe.cli.dagster_process import daemon, prepare_instance
from docpipe.consistency import check
from docpipe.models import DocumentStatus, StageName
from docpipe.pipeline import Pipeline
from docpipe.settings import Settings
from resources.sqlite_storage import BatchedSqliteEventLog
from sensors.batch_runs import BATCH_TAG
from tests.end_to_end.home import TEXTS

PROJECT = Path(__file__).parents[2]
PATIENCE = 240.0
"""Seconds after which a condition counts as never met; a calm machine needs a tenth."""


def wait_until(condition: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert process.poll() is None, log.read_text()[-4000:]
        assert time.monotonic() < deadline, log.read_text()[-4000:]
        time.sleep(0.1)


def process_of(instance: dg.DagsterInstance, run_id: str) -> int | None:
    """The process that executes the steps of a run, once it has said so."""
    for entry in instance.all_logs(run_id):
        if found := re.search(r"Executing steps in process \(pid: (\d+)\)", f"{entry.message} {entry.user_message}"):
            return int(found[1])
    return None


@pytest.mark.timeout(600)
def test_the_daemon_takes_documents_through_and_a_killed_run_is_made_good(
    settings: Callable[..., Settings], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = settings(ocr=False)
    monkeypatch.setenv("DOCPIPE_SENSOR_SECONDS", "2")
    monkeypatch.setenv("DOCPIPE_OCR", "false")
    environment = prepare_instance(made, PROJECT)
    pipeline = Pipeline(made)
    for name in ("gate.txt", "words.txt"):
        pipeline.bucket.write(name, TEXTS[name].encode())
    log = tmp_path / "daemon.log"
    killed: list[str] = []
    monkeypatch.setenv("DAGSTER_HOME", environment["DAGSTER_HOME"])
    with dg.DagsterInstance.get() as instance:
        # In the files that Dagster's own storage would have: a home of an earlier version goes on.
        assert isinstance(instance.event_log_storage, BatchedSqliteEventLog)
        assert instance.event_log_storage.path_for_shard("index") == str(made.home / "dagster" / "history" / "runs" / "index.db")
        with daemon(environment, PROJECT, log) as process:

            def kill_once() -> bool:
                """In the middle: one stage is done, and the last one is not."""
                runs = list(instance.get_runs(dg.RunsFilter(job_name="index_documents"), limit=1))
                states = pipeline.ledger.stage_states(["gate.txt", "words.txt"])
                if not runs or ("gate.txt", StageName.PARSED_PAGES) not in states:
                    return False
                pid = process_of(instance, runs[0].run_id)
                if pid is None:
                    return False
                os.kill(pid, signal.SIGKILL)
                killed.append(runs[0].run_id)
                return True

            wait_until(kill_once, process, log)
            unfinished = set(pipeline.ledger.summary().documents)
            assert unfinished <= {DocumentStatus.QUEUED, DocumentStatus.RUNNING, DocumentStatus.PENDING}

            def indexed() -> bool:
                runs = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.SUCCESS]))
                return pipeline.ledger.summary().documents == {DocumentStatus.INDEXED: 2} and bool(runs)

            wait_until(indexed, process, log)
        runs = list(instance.get_runs(dg.RunsFilter(job_name="index_documents")))
        by_id = {run.run_id: run for run in runs}
        assert by_id[killed[0]].status is dg.DagsterRunStatus.FAILURE
        batches = [run.tags[BATCH_TAG] for run in runs]
        assert len(set(batches)) == len(batches)
        # The dead run was counted, and forgotten once the documents had gone through.
        assert {one.attempts for one in pipeline.ledger.all_documents()} == {0}
        assert check(pipeline).inconsistencies == []
    pipeline.ledger.close()
