"""Starts the pods of runs, and asks the cluster how they are."""

from __future__ import annotations

import dagster as dg
from dagster._core.launcher import CheckRunHealthResult, WorkerStatus
from dagster_k8s.launcher import K8sRunLauncher


class PodLauncher(K8sRunLauncher):
    """Dagster's, which has every run fail that it asks for while the cluster does not answer: then nothing is known of it.

    Whether such a run lives its heartbeat says (see `sensors.silence`).
    """

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        found: CheckRunHealthResult = super().check_run_worker_health(run)
        # The same status as without an answer, and an answer: there is no such Job any more.
        gone = (found.msg or "").endswith("could not be found")
        if found.status is WorkerStatus.UNKNOWN and not gone:
            return CheckRunHealthResult(WorkerStatus.RUNNING, found.msg)
        return found
