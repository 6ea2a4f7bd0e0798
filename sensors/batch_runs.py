"""The Dagster runs of batches: how they are requested, found again and told from dead ones."""

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence

import dagster as dg

from docpipe.heartbeat import GRACE, lease_name
from docpipe.ledger import Batch, Ledger

BATCH_TAG = "docpipe/batch_id"
"""On runs that the sensor requested: their documents stand in the ledger under this id."""


def run_request(batch_id: str, start: str, end: str, documents: int, job: str) -> dg.RunRequest:
    # The run key makes a repeated request harmless: Dagster launches it once.
    tags = {
        "dagster/asset_partition_range_start": start,
        "dagster/asset_partition_range_end": end,
        BATCH_TAG: batch_id,
        "docpipe/documents": str(documents),
    }
    return dg.RunRequest(run_key=batch_id, job_name=job, tags=tags)


def runs_by_batch(instance: dg.DagsterInstance, batches: Sequence[Batch]) -> Mapping[str, list[dg.RunRecord]]:
    """The runs of all these batches, re-executions from the UI among them, in one query."""
    found: defaultdict[str, list[dg.RunRecord]] = defaultdict(list)
    if batches:
        for record in instance.get_run_records(dg.RunsFilter(tags={BATCH_TAG: [batch.batch_id for batch in batches]})):
            found[record.dagster_run.tags[BATCH_TAG]].append(record)
    return found


def is_alive(instance: dg.DagsterInstance, ledger: Ledger, record: dg.RunRecord | None) -> bool:
    """Whether the run may still do something; one that fell silent is reported as failed."""
    if record is None or record.dagster_run.is_finished:
        return False
    run = record.dagster_run
    if run.status is not dg.DagsterRunStatus.STARTED or ledger.is_held(lease_name(run.run_id)):
        return True
    if record.start_time and time.time() - record.start_time < GRACE:
        return True
    instance.report_run_failed(
        run, f"no sign of life for {GRACE:.0f} s: the process that ran it is gone; its unfinished documents are requested again"
    )
    return False


def has_died(record: dg.RunRecord | None) -> bool:
    """Whether a run that is over may have died on a document.

    Not when it succeeded, as one over a few of the assets does, nor when somebody cancelled it. Of a run that was deleted
    nobody knows: then it counts, so that no document can bring down runs for ever.
    """
    return record is None or record.dagster_run.status not in (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.CANCELED)
