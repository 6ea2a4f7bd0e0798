"""The body that all five assets share: run the stage, show what happened, document by document."""

from __future__ import annotations

import time
from collections.abc import Sequence

import dagster as dg
from dagster._core.events import AssetMaterializationPlannedData, DagsterEvent

from doc_assets.batch_io import Fingerprints
from doc_assets.pictures import pictures
from doc_assets.report import StageReport
from doc_assets.run_log import product_log
from docpipe.heartbeat import Heartbeat
from docpipe.models import StageName
from docpipe.pipeline import Pipeline
from docpipe.stage_run import StageResult

PROGRESS_SECONDS = 10.0


def materialize(context: dg.AssetExecutionContext, pipeline: Pipeline, stage: StageName, keys: Sequence[str]) -> Fingerprints:
    """Take the documents through the stage; returns the fingerprints of those that made it.

    Raises `Failure` when none did, since Dagster would otherwise record a materialization of no partition.
    """
    report = StageReport(stage, total=len(keys), token_price=pipeline.settings.embed_price)
    shown = time.monotonic()
    with Heartbeat(pipeline.ledger, context.run.run_id), product_log(context.log):
        for result in pipeline.run(stage, keys, context.run.run_id):
            report.add(result)
            if result.error:
                _show_lost(context, stage, result)
            else:
                context.add_asset_metadata(report.document_metadata(result), partition_key=result.document.key)
            if time.monotonic() - shown > PROGRESS_SECONDS:
                shown = time.monotonic()
                context.log.info(report.progress())
        context.log.info(report.progress())
        drawn = pictures(pipeline, stage, report.made, report.fingerprints)
        # Drawn first, so that the seconds shown are all of the stage's and the rest of a run is Dagster's.
        metadata = {**report.metadata(), **drawn}
        context.log_event(dg.AssetObservation(context.asset_key, description=report.progress(), metadata=metadata))
    if keys and not report.fingerprints:
        raise dg.Failure(f"none of {len(keys)} documents passed {stage}: see the observations above", allow_retries=False)
    return report.fingerprints


def _show_lost(context: dg.AssetExecutionContext, stage: StageName, result: StageResult) -> None:
    """Log the reason, put it on the document's partition, and plan its materialization.

    Dagster marks a partition as failed when it was planned in a run that failed and not materialized. Planning each
    partition of a run beforehand costs 32 ms a document and asset; planning the failed ones afterwards shows the same.
    """
    key, error = result.document.key, result.error
    context.log.warning(f"{key}: {type(error).__name__}: {error}")
    context.log_event(
        dg.AssetObservation(
            context.asset_key, partition=key, description=str(error), metadata={"error": type(error).__name__, "stage": stage.value}
        )
    )
    step_key = context.op_execution_context.get_step_execution_context().step.key
    planned = AssetMaterializationPlannedData(context.asset_key, partition=key)
    event = DagsterEvent.build_asset_materialization_planned_event(context.run.job_name, step_key, planned)
    context.instance.report_dagster_event(event, context.run.run_id)
