"""The sensor that keeps the pipeline's documents equal to the bucket's objects.

A tick does six things, each safe to be killed in: find runs that died and free their documents, compare the bucket
with the ledger, register the attachments of what was parsed, cut waiting documents into batches, request a run for each
batch and one for removals, and one that sends searches to the collection of a new model once it is complete.
"""

import time
import uuid
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import dagster as dg

from docpipe.attachments import AttachmentsLook, look_at_attachments
from docpipe.cost.budget import free_postponed
from docpipe.errors import DocpipeError
from docpipe.heartbeat import holding
from docpipe.ledger import Ledger
from docpipe.ledger.actor import acting
from docpipe.metrics.sample import Sample
from docpipe.models import Document, DocumentStatus
from docpipe.pipeline import Pipeline
from docpipe.reconcile import Reconciliation, reconcile
from docpipe.switch import due
from docpipe.tracing import span
from docpipe.waiting_line import HIGHEST
from resources.pipeline import PipelineResource
from resources.runs import UNFINISHED
from sensors.batch_requests import request_batches
from sensors.batch_runs import is_alive
from sensors.partition_order import PartitionOrder
from sensors.settling import free_loose_runs, settle_batches
from sensors.tick import TICK_SECONDS

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

LEASE = "sensor/documents"
CURSOR = "after:"
"""Before the object key where the next tick goes on; Dagster keeps no empty cursor."""
ATTACHMENT_SECONDS = 10.0
"""What a look at attachments gets where the bucket took all of the tick's time, so that a large bucket does not starve them."""
SWITCH_PAUSE_SECONDS = 300.0
"""Rest after a run that failed before it decided: it may have asked the whole golden set, and what stopped it is seldom over at once."""


def documents_sensor(
    documents: dg.DynamicPartitionsDefinition,
    index_job: "UnresolvedAssetJobDefinition",
    removal_job: dg.JobDefinition,
    switch_job: dg.JobDefinition,
    seconds: int,
) -> dg.SensorDefinition:
    """Build the sensor for the three jobs it requests."""

    @dg.sensor(
        name="documents",
        jobs=[index_job, removal_job, switch_job],
        minimum_interval_seconds=seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Finds new, changed and deleted objects in the bucket and requests a run for each batch of documents.",
    )
    def documents_in_bucket(context: dg.SensorEvaluationContext, pipeline: PipelineResource) -> dg.SensorResult | dg.SkipReason:
        opened = pipeline.open()
        with acting("sensor"), span("sensor tick"), holding(opened.ledger, LEASE, TICK_SECONDS) as held:
            if not held:
                return dg.SkipReason("another evaluation of this sensor is under way")
            deadline = time.monotonic() + opened.settings.tick_seconds
            free_loose_runs(context.instance, opened)
            still_open, repeated = settle_batches(context.instance, opened, index_job.name)
            found = reconcile(opened.bucket, opened.ledger, opened.settings, after=(context.cursor or CURSOR).removeprefix(CURSOR))
            opened.ledger.leave([Sample("docpipe_last_look_timestamp_seconds", time.time())])
            inside = look_at_attachments(opened.ledger, opened.artifacts, opened.settings, deadline + ATTACHMENT_SECONDS)
            prefer_uploads(opened, found.registered)
            opened.ledger.set_clocks_right()
            free_postponed(opened)
            order = PartitionOrder(context.instance, documents)
            requests = [
                *repeated,
                *request_batches(context.instance, order, opened, index_job.name, deadline, still_open),
                *request_removal(context.instance, opened.ledger, removal_job.name),
                *request_switch(context, opened, switch_job.name),
            ]
            summary = _summary(found, inside, len(requests))
            context.log.info(summary)
            return dg.SensorResult(
                run_requests=requests,
                cursor=CURSOR + found.resume_after,
                skip_reason=None if requests else dg.SkipReason(summary),
            )

    return documents_in_bucket


def prefer_uploads(pipeline: Pipeline, registered: Sequence[Document]) -> None:
    """Let a few objects that arrived together go ahead of a backlog: somebody has just uploaded them and waits."""
    if 0 < len(registered) <= pipeline.settings.upload_documents:
        keys = [document.key for document in registered if not document.priority]
        pipeline.ledger.prioritize(keys, pipeline.settings.upload_priority, only_raise=True)


def request_removal(instance: dg.DagsterInstance, ledger: Ledger, job: str) -> Iterator[dg.RunRequest]:
    """One run removes all that left the bucket or was replaced by what cannot be indexed; none while one is on its way and alive."""
    if not ledger.list_documents(status=DocumentStatus.DELETING, limit=1) and not ledger.outdated(limit=1):
        return
    under_way = instance.get_run_records(dg.RunsFilter(job_name=job, statuses=UNFINISHED))
    if not any(is_alive(instance, ledger, record) for record in under_way):
        # Ahead of the batches that wait: what left the bucket is not to be found for as long as they take.
        yield dg.RunRequest(run_key=f"removal-{uuid.uuid4().hex}", job_name=job, tags={"dagster/priority": str(HIGHEST + 1)})


def request_switch(context: dg.SensorEvaluationContext, pipeline: Pipeline, job: str) -> Iterator[dg.RunRequest]:
    """One run sends searches to another collection when there is cause; none while one is on its way, or has just failed undecided.

    An index that does not answer, or a model that is not there, keeps nobody from looking at the bucket.
    """
    try:
        why = due(pipeline)
    except DocpipeError as error:
        context.log.warning(f"the collections of the index cannot be looked at: {error}")
        return
    if not why:
        return
    instance = context.instance
    latest = instance.get_run_records(dg.RunsFilter(job_name=job), limit=1)
    under_way = instance.get_run_records(dg.RunsFilter(job_name=job, statuses=UNFINISHED))
    if any(is_alive(instance, pipeline.ledger, record) for record in under_way) or any(_has_just_failed(pipeline, one) for one in latest):
        return
    context.log.info(f"a run of {job} is requested: {why}")
    yield dg.RunRequest(run_key=f"switch-{uuid.uuid4().hex}", job_name=job)


def _has_just_failed(pipeline: Pipeline, record: dg.RunRecord) -> bool:
    """Whether a run failed a moment ago, and not because it refused a collection its place: `due` knows when to try that again."""
    if record.dagster_run.status is not dg.DagsterRunStatus.FAILURE or time.time() - (record.end_time or 0.0) > SWITCH_PAUSE_SECONDS:
        return False
    newest = next(iter(pipeline.ledger.switches(pipeline.settings.collection, limit=1)), None)
    return newest is None or newest.at is None or newest.at.timestamp() < (record.start_time or 0.0)


def _summary(found: Reconciliation, inside: AttachmentsLook, requests: int) -> str:
    attachments = f"; attachments: {_arrived(inside)}" if inside.registered or inside.gone else ""
    more = "; the bucket goes on, the next tick continues" if found.resume_after else ""
    return f"{found.listed:,} objects listed: {_arrived(found)}{attachments}; {requests} runs requested{more}"


def _arrived(found: Reconciliation | AttachmentsLook) -> str:
    refused = sum(document.status is DocumentStatus.REFUSED for document in found.registered)
    return f"{len(found.registered) - refused} new or changed, {refused} refused, {len(found.gone)} gone"
