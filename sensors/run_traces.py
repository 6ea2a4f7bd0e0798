"""The trace of a run: begun in the sensor's tick, told to the run by its tags, and closed when the sensor finds the run over."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import dagster as dg

from docpipe.tracing.remote import planned_child, record_planned, trace_of_run, traceparent

TRACE_TAG = "docpipe/traceparent"
"""The run's own span: what its steps are parts of."""
TICK_TAG = "docpipe/traceparent_of_tick"
"""What the run itself is a part of."""


def trace_tags() -> Mapping[str, str]:
    """Tags for a run that is requested now; none where traces are off."""
    planned = planned_child()
    return {TRACE_TAG: planned, TICK_TAG: traceparent()} if planned else {}


def trace_of(run: dg.DagsterRun) -> str:
    """The run's span, as a `traceparent`; a run from the UI has one too, which follows from its id."""
    return run.tags.get(TRACE_TAG) or trace_of_run(run.run_id)


def record_run(record: dg.RunRecord) -> None:
    """Record the span of a run that is over: its steps have theirs already, in whatever processes they were."""
    run = record.dagster_run
    if record.start_time is None or record.end_time is None:
        return
    began, ended = (datetime.fromtimestamp(moment, UTC) for moment in (record.start_time, record.end_time))
    about = {"docpipe.run": run.run_id, "docpipe.job": run.job_name, "docpipe.batch": run.tags.get("docpipe/batch_id", "")}
    error = "" if run.status is dg.DagsterRunStatus.SUCCESS else run.status.value.lower()
    record_planned(f"run {run.job_name}", trace_of(run), run.tags.get(TICK_TAG, ""), began, ended, about, error)
