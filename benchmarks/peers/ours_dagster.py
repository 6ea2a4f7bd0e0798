"""docpipe as its users run it: files are put into the bucket, Dagster's daemon does the rest.

The daemon is at work before the clock starts, as it is in service. Variants: those of `ours`.
"""

from __future__ import annotations

import atexit
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import dagster as dg

from benchmarks.end_to_end import LONGEST, wait
from benchmarks.peers.ours import Ours
from benchmarks.peers.peer import HOME, Job, Place, Stored
from benchmarks.result import PROJECT
from docpipe.cli.dagster_process import daemon, prepare_instance
from resources.runs import wait_for_runs

SENSOR_SECONDS = 2


class OursDagster:
    def __init__(self, job: Job) -> None:
        self._job = job
        home = Path(job.folder) / HOME
        self._bucket = home / "bucket"
        self._ours = Ours(job, self._bucket)
        os.environ |= {"DOCPIPE_SENSOR_SECONDS": str(SENSOR_SECONDS), "DOCPIPE_EMBED_CACHE_MB": "0"}
        os.environ |= {"DOCPIPE_OCR": str(self._ours.settings.ocr)}
        self._dagster = home / "dagster"
        environment = prepare_instance(self._ours.settings, PROJECT)
        stack = ExitStack()
        atexit.register(stack.close)
        stack.enter_context(daemon(environment, PROJECT, Path(job.folder) / "daemon.log"))
        self._wait_for_sensor()

    def store(self) -> None:
        for path in self._job.pdfs:
            shutil.copy(path, self._bucket)
        wait(self._ours.pipeline.ledger)
        wait_for_runs(self._dagster, LONGEST)

    def stored(self) -> Iterator[Stored]:
        return self._ours.stored()

    def find(self, question: str, limit: int) -> list[Place]:
        return self._ours.find(question, limit)

    def _wait_for_sensor(self) -> None:
        """Until it has looked at the empty bucket once."""
        deadline = time.monotonic() + LONGEST
        with dg.DagsterInstance.from_config(str(self._dagster)) as instance:
            while time.monotonic() < deadline:
                for state in instance.all_instigator_state():
                    if instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=1):
                        return
                time.sleep(0.5)
        raise TimeoutError("Dagster's daemon never looked at the bucket")


def open_peer(job: Job) -> OursDagster:
    return OursDagster(job)
