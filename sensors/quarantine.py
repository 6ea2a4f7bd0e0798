"""The sensor that has documents quarantined which failed for good."""

import time
import uuid
from itertools import takewhile

import dagster as dg

from docpipe.heartbeat import holding
from docpipe.pipeline import Pipeline
from docpipe.quarantine.sweep import is_due
from resources.pipeline import PipelineResource
from resources.runs import UNFINISHED
from sensors.batch_runs import is_alive
from sensors.tick import TICK_SECONDS

LEASE = "sensor/quarantine"
PAUSE_SECONDS = 300.0
"""Rest after a run that failed, since what it had to leave is seldom possible a moment later; twice as long after each further one."""
MOST_FAILURES = 5
"""From here on the rest grows no longer: 80 minutes."""


def quarantine_sensor(job: dg.JobDefinition, seconds: int) -> dg.SensorDefinition:
    """Build the sensor for the job that it requests."""

    @dg.sensor(
        name="quarantine",
        job=job,
        minimum_interval_seconds=seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Requests a run that quarantines the documents that failed for good or were refused.",
    )
    def failed_documents(context: dg.SensorEvaluationContext, pipeline: PipelineResource) -> dg.RunRequest | dg.SkipReason:
        opened = pipeline.open()
        with holding(opened.ledger, LEASE, TICK_SECONDS) as held:
            if not held:
                return dg.SkipReason("another evaluation of this sensor is under way")
            if not is_due(opened):
                return dg.SkipReason("no document waits to be quarantined")
            if why := _must_wait(context.instance, opened, job.name):
                return dg.SkipReason(why)
            return dg.RunRequest(run_key=f"quarantine-{uuid.uuid4().hex}")

    return failed_documents


def _must_wait(instance: dg.DagsterInstance, pipeline: Pipeline, job: str) -> str:
    """Why no run is requested now; empty where one may be."""
    under_way = instance.get_run_records(dg.RunsFilter(job_name=job, statuses=UNFINISHED))
    if any(is_alive(instance, pipeline.ledger, record) for record in under_way):
        return "a run is on its way"
    latest = instance.get_run_records(dg.RunsFilter(job_name=job), limit=MOST_FAILURES)
    failed = list(takewhile(lambda record: record.dagster_run.status is dg.DagsterRunStatus.FAILURE, latest))
    if failed and 0 <= time.time() - (failed[0].end_time or 0.0) < PAUSE_SECONDS * 2 ** (len(failed) - 1):
        return "the last run has just failed: read its log"
    return ""
