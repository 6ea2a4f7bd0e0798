"""Batches and runs that are over: their documents are counted, wait again, or are held because somebody cancelled them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime

import dagster as dg

from docpipe.ledger import Batch
from docpipe.metrics.histogram import observed
from docpipe.pipeline import Pipeline
from docpipe.waiting_line import PRIORITY_SECONDS
from sensors.batch_runs import end_run, has_died, is_alive, run_request, runs_by_batch, seconds_of, was_cancelled
from sensors.run_traces import record_run

log = logging.getLogger(__name__)


def free_loose_runs(instance: dg.DagsterInstance, pipeline: Pipeline) -> None:
    """Documents whose run from the UI ended, or stopped giving signs of life, wait again (or fail, after too many such runs)."""
    ledger, attempts = pipeline.ledger, pipeline.settings.max_attempts
    for run_id in ledger.loose_runs():
        record = instance.get_run_record_by_id(run_id)
        cancelled = ledger.is_cancelled(run_id)
        if is_alive(instance, ledger, record):
            if cancelled:
                _end(instance, record)
        else:
            held = cancelled or was_cancelled(record)
            ledger.close_run(run_id, attempts, count=has_died(record), hold=held, **_why(run_id, held))
            if record is not None:
                record_run(record)


def settle_batches(instance: dg.DagsterInstance, pipeline: Pipeline, job: str) -> tuple[list[Batch], list[dg.RunRequest]]:
    """Close the batches whose runs are over, so that the documents they left wait again (or fail, after too many dead runs).

    Returns the batches that stay open, and again the requests of those that an earlier tick claimed and then died before
    its requests became runs.
    """
    ledger = pipeline.ledger
    still_open, repeated = [], []
    batches = ledger.open_batches()
    records = runs_by_batch(instance, batches)
    for batch in batches:
        runs = records.get(batch.batch_id, [])
        alive = [record for record in runs if is_alive(instance, ledger, record)]
        if alive:
            still_open.append(batch)
            if batch.cancelled:
                for record in alive:
                    _end(instance, record)
            else:
                for record in alive:
                    _move_forward(instance, batch, record.dagster_run)
        elif runs or batch.cancelled:
            _close(pipeline, batch, runs)
        elif batch.range_start and batch.range_end:
            still_open.append(batch)
            ends = (batch.range_start, batch.range_end)
            repeated.append(run_request(batch.batch_id, *ends, batch.documents, job, priority=batch.priority, settings=pipeline.settings))
        else:
            # Without a range the tick that claimed it died before it could request a run.
            ledger.close_batch(batch.batch_id, pipeline.settings.max_attempts, count=False)
    return still_open, repeated


def _move_forward(instance: dg.DagsterInstance, batch: Batch, run: dg.DagsterRun) -> None:
    """Let a run gain priority while it is queued, at the pace of `docpipe.waiting_line`.

    Dagster's queue knows priorities and no age: runs of a higher one that keep coming would starve this one.
    """
    if run.status is not dg.DagsterRunStatus.QUEUED:
        return
    waited = max(0.0, (datetime.now(UTC) - batch.created).total_seconds())
    priority = str(batch.priority + int(waited / PRIORITY_SECONDS))
    if run.tags.get("dagster/priority") != priority:
        instance.add_run_tags(run.run_id, {"dagster/priority": priority})


def _close(pipeline: Pipeline, batch: Batch, runs: Sequence[dg.RunRecord]) -> None:
    """Give back what the newest run left, or hold it where that was cancelled."""
    held = batch.cancelled is not None or was_cancelled(next(iter(runs), None))
    died = any(map(has_died, runs))
    pipeline.ledger.close_batch(batch.batch_id, pipeline.settings.max_attempts, count=died, hold=held, **_why(batch.batch_id, held))
    samples = [*observed("docpipe_batch_documents", batch.documents)]
    for record in runs:
        record_run(record)
        samples += observed("docpipe_run_seconds", seconds_of(record), {"job": record.dagster_run.job_name})
    pipeline.ledger.count(samples)


def _why(name: str, held: bool) -> dict[str, str]:
    return {"reason": f"its run was cancelled: `docpipe resume {name}` lets it go on"} if held else {}


def _end(instance: dg.DagsterInstance, record: dg.RunRecord | None) -> None:
    if record is None:
        return
    try:
        end_run(instance, record)
    except Exception:
        # Stages see by themselves that they are to stop; the next tick asks Dagster again.
        log.warning("run %s was cancelled and cannot be ended now", record.dagster_run.run_id, exc_info=True)
