"""Runs that are still under way, for those who wait for the end of all."""

from __future__ import annotations

import time
from pathlib import Path

import dagster as dg

UNFINISHED = [
    status
    for status in dg.DagsterRunStatus
    if status not in (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)
]


def wait_for_runs(dagster_home: Path, seconds: float) -> bool:
    """Wait until no run of the instance is under way; False when that took longer than `seconds`."""
    deadline = time.monotonic() + seconds
    with dg.DagsterInstance.from_config(str(dagster_home)) as instance:
        while instance.get_runs_count(dg.RunsFilter(statuses=UNFINISHED)):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.5)
    return True
