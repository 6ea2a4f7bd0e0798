"""The jobs that move documents into quarantine, back, or away for good."""

import time
from collections.abc import Callable

import dagster as dg

from doc_assets.lanes import IO
from doc_assets.run_log import product_log
from docpipe.errors import QuarantineRefused
from docpipe.heartbeat import Heartbeat
from docpipe.ledger.actor import acting
from docpipe.ledger.quarantine import Confinement, ConfinementState
from docpipe.models import StageName
from docpipe.quarantine.choice import chosen
from docpipe.quarantine.sweep import sweep
from resources.pipeline import PipelineResource

PROGRESS_SECONDS = 10.0


class Documents(dg.Config):
    """Which quarantined documents the job shall take."""

    documents: list[str]
    """Names in the bucket or partition keys."""


@dg.op(tags=IO.op_tags, pool=IO.name)
def quarantine_failed_documents(context: dg.OpExecutionContext, pipeline: PipelineResource) -> int:
    """Move the objects of documents that failed for good, or were refused, out of the bucket's way, and keep why."""
    opened, moved, shown = pipeline.open(), 0, time.monotonic()
    with acting("run"), Heartbeat(opened.ledger, context.run.run_id), product_log(context.log):
        for confinement in sweep(opened):
            moved += confinement.state is ConfinementState.HELD
            _show(context, confinement)
            if time.monotonic() - shown > PROGRESS_SECONDS:
                shown = time.monotonic()
                context.log.info(f"{moved} documents quarantined")
    context.log.info(f"{moved} documents quarantined")
    context.add_output_metadata({"quarantined": moved})
    return moved


@dg.op(tags=IO.op_tags, pool=IO.name)
def release_documents(context: dg.OpExecutionContext, config: Documents, pipeline: PipelineResource) -> int:
    """Put quarantined documents back into the bucket, where they wait for a batch as new generations."""
    return _each(context, config, pipeline, pipeline.open().quarantine.release)


@dg.op(tags=IO.op_tags, pool=IO.name)
def drop_documents(context: dg.OpExecutionContext, config: Documents, pipeline: PipelineResource) -> int:
    """Delete quarantined objects, and the documents with them."""
    return _each(context, config, pipeline, pipeline.open().quarantine.drop)


@dg.job(description="Quarantines the documents that failed for good or were refused.", executor_def=dg.in_process_executor)
def quarantine_documents() -> None:
    quarantine_failed_documents()


@dg.job(description="Releases documents from quarantine: list them in the run's config.", executor_def=dg.in_process_executor)
def release_quarantined() -> None:
    release_documents()


@dg.job(description="Deletes documents in quarantine for good: list them in the run's config.", executor_def=dg.in_process_executor)
def drop_quarantined() -> None:
    drop_documents()


def _each(context: dg.OpExecutionContext, config: Documents, pipeline: PipelineResource, step: Callable[[Confinement], Confinement]) -> int:
    """Take the step with each document; fails in the end if one was refused, with the others done."""
    refused: list[str] = []
    done = 0
    with acting("run"), Heartbeat(pipeline.open().ledger, context.run.run_id), product_log(context.log):
        for name, confinement in chosen(pipeline.open().ledger, config.documents):
            if confinement is None:
                refused.append(f"{name} is not in quarantine")
                continue
            try:
                _show(context, step(confinement))
                done += 1
            except QuarantineRefused as error:
                refused.append(str(error))
    for why in refused:
        context.log.warning(why)
    if refused:
        raise dg.Failure(f"{done} documents done, {len(refused)} refused: {'; '.join(refused[:5])}", allow_retries=False)
    return done


def _show(context: dg.OpExecutionContext, confinement: Confinement) -> None:
    """Put what happened on the document's partition, of the asset where it failed."""
    asset = confinement.stage or StageName.PARSED_PAGES
    metadata: dict[str, str | int] = {
        "error": confinement.error_kind,
        "generation": confinement.generation,
        "object": confinement.object_key,
    }
    if confinement.held_as:
        metadata["quarantined_as"] = confinement.held_as
    state = "quarantined" if confinement.state is ConfinementState.HELD else confinement.state.value
    context.log_event(
        dg.AssetObservation(asset.value, partition=confinement.key, description=f"{state}: {confinement.error}", metadata=metadata)
    )
