"""When a stage has to stop before it is done: its run was cancelled, or time is up."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import closing

import dagster as dg

from docpipe.errors import RunStopped
from docpipe.models import StageName
from docpipe.pipeline import Pipeline
from docpipe.stage_run import StageResult
from docpipe.time_limits import stage_limits
from sensors.batch_runs import BATCH_TAG

CHECK_SECONDS = 5.0
"""Between two looks at the ledger for a cancellation."""


class StageLimits:
    """Watches one stage of one run. What was done by then is kept, and the rest comes back: see `docs/operations.md`."""

    def __init__(self, context: dg.AssetExecutionContext, pipeline: Pipeline, stage: StageName) -> None:
        settings = pipeline.settings
        run = context.run
        self._log = context.log
        self._instance = context.instance
        self._pipeline = pipeline
        self._stage = stage
        self._names = [run.run_id, *filter(None, [run.tags.get(BATCH_TAG)])]
        record = context.instance.get_run_record_by_id(run.run_id)
        spent = time.time() - record.start_time if record and record.start_time else 0.0
        now = time.monotonic()
        # Judged by a clock that does not jump from here on; a run that seems to begin in the future has just begun.
        self._run_ends = now + settings.run_seconds - max(0.0, spent)
        self._seconds = stage_limits(settings.stage_seconds_of).get(stage, settings.stage_seconds)
        self._stage_ends = now + self._seconds
        self._look_again = now

    def within(self, keys: Sequence[str], results: Iterator[StageResult]) -> Iterator[StageResult]:
        """Pass the results on until the stage's time is up; documents without one by then wait for another, smaller batch.

        Raises `RunStopped` when the whole run has to end.
        """
        left = dict.fromkeys(keys)
        with closing(results):  # type: ignore[type-var]  # a stage's results come from a generator
            self.check()
            for result in results:
                left.pop(result.document.key, None)
                yield result
                self.check()
                if left and time.monotonic() > self._stage_ends:
                    break
            else:
                return
        self._give_back(list(left))

    def check(self) -> None:
        """Raise `RunStopped` when the run was cancelled or its time is up."""
        now = time.monotonic()
        if now > self._run_ends:
            raise RunStopped(
                f"the run is out of time ({self._pipeline.settings.run_seconds:,.0f} s): what is left waits for a smaller batch; "
                "DOCPIPE_RUN_SECONDS sets the time"
            )
        if now >= self._look_again:
            self._look_again = now + CHECK_SECONDS
            # A step on a worker outlives the process of its run, which the UI ends.
            run = self._instance.get_run_by_id(self._names[0])
            if self._pipeline.ledger.is_cancelled(*self._names) or run is None or run.is_finished:
                raise RunStopped(f"the run was cancelled: `docpipe resume {self._names[-1]}` lets its documents go on")

    def _give_back(self, keys: Sequence[str]) -> None:
        ledger, attempts = self._pipeline.ledger, self._pipeline.settings.max_attempts
        reason = f"{self._stage} was out of time ({self._seconds:,.0f} s)"
        for document in ledger.documents(keys).values():
            ledger.give_back(document.key, document.generation, attempts, reason)
        self._log.warning(f"{reason}: {len(keys)} documents wait for a smaller batch; DOCPIPE_STAGE_SECONDS sets the time")
