"""Runs as Dagster's daemon notes them, without a process behind them."""

from __future__ import annotations

import uuid

import dagster as dg
from dagster._core.events import DagsterEvent, DagsterEventType

from tests.installation import Installation


def launch(installation: Installation, request: dg.RunRequest, status: dg.DagsterRunStatus) -> dg.DagsterRun:
    """Note a run as Dagster's daemon does when it launches one, which then stands so."""
    assert request.job_name
    run = dg.DagsterRun(request.job_name, run_id=str(uuid.uuid4()), tags=dict(request.tags), status=dg.DagsterRunStatus.NOT_STARTED)
    installation.instance.add_run(run)
    report(installation, run, DagsterEventType.RUN_STARTING if status is dg.DagsterRunStatus.STARTING else DagsterEventType.RUN_START)
    return run


def report(installation: Installation, run: dg.DagsterRun, kind: DagsterEventType) -> None:
    installation.instance.report_dagster_event(DagsterEvent(kind.value, run.job_name), run.run_id)
