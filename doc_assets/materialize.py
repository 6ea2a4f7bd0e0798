"""The body that all five assets share: run the stage, show what happened, document by document."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg
from dagster._core.events import AssetMaterializationPlannedData, DagsterEvent

from doc_assets.batch_io import Fingerprints, show_documents
from doc_assets.limits import StageLimits
from doc_assets.pictures import pictures
from doc_assets.report import StageReport
from doc_assets.run_log import product_log
from doc_assets.stage_watch import StageWatch
from docpipe.errors import BudgetSpent
from docpipe.heartbeat import Heartbeat
from docpipe.ledger.actor import acting
from docpipe.models import StageName
from docpipe.pipeline import Pipeline
from docpipe.stage_run import StageResult

PROGRESS_SECONDS = 10.0


def materialize(
    context: dg.AssetExecutionContext, pipeline: Pipeline, stage: StageName, keys: Sequence[str]
) -> Iterator[dg.Output[Fingerprints]]:
    """Take the documents through the stage; yields the fingerprints of those that made it.

    Yields nothing where none did, since Dagster would record a materialization of no partition: stages behind this one are skipped.
    Raises `Failure` then, unless all of them wait for money alone: a budget that does what it is for is no failure.
    """
    report = StageReport(stage, total=len(keys))
    shown_of: dict[str, dict[str, Any]] = {}
    shown = time.monotonic()
    with (
        acting("run"),
        Heartbeat(pipeline.ledger, context.run.run_id),
        product_log(context.log),
        StageWatch(context, pipeline, stage, len(keys)) as watch,
    ):
        for result in StageLimits(context, pipeline, stage).within(keys, pipeline.run(stage, keys, context.run.run_id)):
            report.add(result)
            watch.add(result)
            if result.error:
                _show_lost(context, stage, result)
            else:
                shown_of[result.document.key] = report.document_metadata(result)
            if time.monotonic() - shown > PROGRESS_SECONDS:
                shown = time.monotonic()
                context.log.info(report.progress())
        context.log.info(report.progress())
        show_documents(context, shown_of)
        drawn = pictures(pipeline, stage, report.made, report.fingerprints)
        # Drawn first, so that the seconds shown are all of the stage's and the rest of a run is Dagster's.
        metadata = {**report.metadata(), **drawn}
        context.log_event(dg.AssetObservation(context.asset_key, description=report.progress(), metadata=metadata))
    if report.fingerprints:
        yield dg.Output(report.fingerprints)
    elif keys:
        if not report.all_wait_for_money:
            raise dg.Failure(report.none_passed(), allow_retries=False)
        context.log.warning(report.none_passed())


def _show_lost(context: dg.AssetExecutionContext, stage: StageName, result: StageResult) -> None:
    """Put the reason on the document's partition, and plan its materialization unless it only waits for money.

    Dagster marks a partition as failed when it was planned in a run that failed and not materialized. Planning each
    partition of a run beforehand costs 32 ms a document and asset; planning the failed ones afterwards shows the same.
    """
    key, error = result.document.key, result.error
    context.log_event(
        dg.AssetObservation(
            context.asset_key, partition=key, description=str(error), metadata={"error": type(error).__name__, "stage": stage.value}
        )
    )
    if isinstance(error, BudgetSpent):
        return
    step_key = context.op_execution_context.get_step_execution_context().step.key
    planned = AssetMaterializationPlannedData(context.asset_key, partition=key)
    event = DagsterEvent.build_asset_materialization_planned_event(context.run.job_name, step_key, planned)
    context.instance.report_dagster_event(event, context.run.run_id)
