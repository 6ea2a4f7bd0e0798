"""The Dagster runs of batches: how they are requested, found again and told from dead ones."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import dagster as dg

from docpipe.ledger import Batch, Ledger
from docpipe.settings import Settings
from docpipe.waiting_line import URGENT
from sensors.run_slots import LINE_TAG, line_of
from sensors.run_traces import trace_tags
from sensors.silence import SILENT_SECONDS, is_long_silent

BATCH_TAG = "docpipe/batch_id"
"""On runs that the sensor requested: their documents stand in the ledger under this id."""
FORCE_SECONDS = 300.0
"""What a run out of time has to stop by itself, between two documents, before Dagster ends it."""


def run_request(batch_id: str, start: str, end: str, documents: int, job: str, *, priority: int = 0, settings: Settings) -> dg.RunRequest:
    # The run key makes a repeated request harmless: Dagster launches it once.
    tags = {
        "dagster/asset_partition_range_start": start,
        "dagster/asset_partition_range_end": end,
        "dagster/priority": str(priority),
        "dagster/max_runtime": str(round(settings.run_seconds + FORCE_SECONDS)),
        LINE_TAG: line_of(priority >= URGENT),
        BATCH_TAG: batch_id,
        "docpipe/documents": str(documents),
        **trace_tags(),
    }
    return dg.RunRequest(run_key=batch_id, job_name=job, tags=tags)


def runs_by_batch(instance: dg.DagsterInstance, batches: Sequence[Batch]) -> Mapping[str, list[dg.RunRecord]]:
    """The runs of all these batches, newest first, re-executions from the UI among them, in one query."""
    found: defaultdict[str, list[dg.RunRecord]] = defaultdict(list)
    if batches:
        for record in instance.get_run_records(dg.RunsFilter(tags={BATCH_TAG: [batch.batch_id for batch in batches]})):
            found[record.dagster_run.tags[BATCH_TAG]].append(record)
    return found


def is_alive(instance: dg.DagsterInstance, ledger: Ledger, record: dg.RunRecord | None) -> bool:
    """Whether the run may still do something; one that fell silent is reported as failed."""
    if record is None:
        return False
    run = record.dagster_run
    if run.is_finished:
        return False
    if run.status is not dg.DagsterRunStatus.STARTED or not is_long_silent(instance, ledger, run):
        return True
    instance.report_run_failed(
        run, f"no sign of life for {SILENT_SECONDS:.0f} s: the process that ran it is gone; its unfinished documents are requested again"
    )
    return False


def has_died(record: dg.RunRecord | None) -> bool:
    """Whether a run that is over may have died on a document.

    Not when it succeeded, as one over a few of the assets does, nor when somebody cancelled it. Of a run that was deleted
    nobody knows: then it counts, so that no document can bring down runs for ever.
    """
    return record is None or (record.dagster_run.status is not dg.DagsterRunStatus.SUCCESS and not was_cancelled(record))


def was_cancelled(record: dg.RunRecord | None) -> bool:
    """Whether somebody ended the run. One that Dagster ended since it was out of time stands as cancelled too, and was not."""
    if record is None or record.dagster_run.status is not dg.DagsterRunStatus.CANCELED:
        return False
    limit = float(record.dagster_run.tags.get("dagster/max_runtime", "inf"))
    return seconds_of(record) < limit


def seconds_of(record: dg.RunRecord) -> float:
    """How long a run took that is over; 0 for one that never began."""
    return max(0.0, (record.end_time or 0.0) - record.start_time) if record.start_time else 0.0


def end_run(instance: dg.DagsterInstance, record: dg.RunRecord) -> None:
    """Ask Dagster to end a run that was cancelled, at whatever point it is; it may take a while."""
    run = record.dagster_run
    if not run.is_finished and run.status is not dg.DagsterRunStatus.CANCELING:
        instance.run_coordinator.cancel_run(run.run_id)
