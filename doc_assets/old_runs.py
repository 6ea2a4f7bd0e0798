"""Old runs of Dagster, with their events and logs, as far as nothing shows them any more."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import dagster as dg
from dagster._core.execution.backfill import BulkActionStatus
from dagster._core.storage.event_log.sqlite import SqliteEventLogStorage
from dagster._core.storage.tags import BACKFILL_ID_TAG

from docpipe.ledger import Ledger
from sensors.batch_runs import BATCH_TAG

PAGE = 1_000
"""Runs looked at together."""
_FINISHED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
_UNDER_WAY = (BulkActionStatus.REQUESTED, BulkActionStatus.CANCELING, BulkActionStatus.FAILING)


def old_runs(instance: dg.DagsterInstance, ledger: Ledger, days: int) -> Iterator[list[dg.DagsterRun]]:
    """Yield, in pages, the finished runs older than `days` that may go.

    With a run Dagster deletes its events, so a partition whose last materialization or failure was among them would show as missing.
    Therefore runs stay that were the last to take some document through some stage: at most one for each batch of the documents
    there are. So do the newest of each job, those of batches and backfills that are not settled, and unfinished ones.
    """
    # Neither grows by a run that is this old, so both are read once.
    needed, settled = ledger.runs_behind(), _Settled(instance, ledger.open_batch_ids())
    filters = dg.RunsFilter(statuses=_FINISHED, created_before=datetime.now(UTC) - timedelta(days=days))
    cursor: str | None = None
    while page := instance.get_runs(filters, limit=PAGE, cursor=cursor, ascending=True):
        gone = [run for run in page if run.run_id not in needed and settled.may_go(run)]
        going = {run.run_id for run in gone}
        # The place where the next page begins must be one that stays.
        kept = [run.run_id for run in page if run.run_id not in going]
        yield gone
        deleted = bool(gone) and instance.get_run_by_id(gone[-1].run_id) is None
        cursor = (kept[-1] if kept else cursor) if deleted else page[-1].run_id


def delete_run(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    """Delete a run's logs, then the run: killed in between, the next time does it again."""
    instance.compute_log_manager.delete_logs(prefix=[run.run_id])
    instance.delete_run(run.run_id)
    storage = instance.event_log_storage
    if isinstance(storage, SqliteEventLogStorage):
        # A file for each run, of which Dagster empties the tables only.
        for suffix in ("", "-wal", "-shm", "-journal"):
            Path(storage.path_for_shard(run.run_id) + suffix).unlink(missing_ok=True)


class _Settled:
    """Whether anybody still has to do with a run."""

    def __init__(self, instance: dg.DagsterInstance, open_batches: set[str]) -> None:
        self._instance = instance
        self._open_batches = open_batches
        self._newest = cache(self._find_newest)

    def may_go(self, run: dg.DagsterRun) -> bool:
        if run.tags.get(BATCH_TAG) in self._open_batches or self._newest(run.job_name) == run.run_id:
            return False
        backfill = self._instance.get_backfill(run.tags[BACKFILL_ID_TAG]) if BACKFILL_ID_TAG in run.tags else None
        return backfill is None or backfill.status not in _UNDER_WAY

    def _find_newest(self, job: str) -> str | None:
        return next((run.run_id for run in self._instance.get_runs(dg.RunsFilter(job_name=job), limit=1)), None)
