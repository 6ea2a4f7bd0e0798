"""Jobs that keep the place in order: what nobody needs is deleted, what is stale is queued."""

import dagster as dg
from pydantic import Field

from doc_assets.lanes import IO
from doc_assets.old_runs import delete_run, old_runs
from doc_assets.run_log import product_log
from docpipe.heartbeat import holding
from docpipe.ledger.actor import acting
from docpipe.retention.cleaning import LEASE, clean
from docpipe.staleness import Scan, look_further, recipes_hash
from resources.pipeline import PipelineResource
from sensors.staleness import PRIORITY


class CleanConfig(dg.Config):
    plan: bool = Field(False, description="Say what would go; delete nothing.")


@dg.op(tags=IO.op_tags, pool=IO.name)
def delete_what_nobody_needs(context: dg.OpExecutionContext, config: CleanConfig, pipeline: PipelineResource) -> None:
    """Delete artifacts that no document needs, old evidence and numbers, and old runs with their logs."""
    opened, instance = pipeline.open(), context.instance
    with holding(opened.ledger, LEASE) as held, product_log(context.log):
        if not held:
            context.log.info("somebody is cleaning already")
            return
        cleaned = clean(opened, plan=config.plan)
        runs = 0
        for page in old_runs(instance, opened.ledger, opened.settings.run_days):
            runs += len(page)
            for run in page if not config.plan else ():
                delete_run(instance, run)
    context.log.info(f"{cleaned.told}; {runs} runs {'would go' if config.plan else 'deleted'}")
    rows = [dg.TableRecord({"kind": kind, "number": swept.objects, "bytes": swept.size}) for kind, swept in cleaned.kinds.items()]
    context.add_output_metadata({"runs": runs, "bytes": cleaned.size, **({"deleted": dg.MetadataValue.table(rows)} if rows else {})})


class ReprocessConfig(dg.Config):
    documents: int = Field(0, ge=0, description="Most documents that are queued; 0: only say what is stale.")


@dg.op(tags=IO.op_tags, pool=IO.name)
def queue_stale_documents(context: dg.OpExecutionContext, config: ReprocessConfig, pipeline: PipelineResource) -> None:
    """Look at all documents, and queue those that the present code, settings or models would make otherwise."""
    opened = pipeline.open()
    stages, ledger, queued = opened.stages, opened.ledger, 0
    scan = Scan(recipes_hash(stages), after="")
    while not scan.is_over:
        scan, stale = look_further(ledger, stages, scan, opened.settings.stale_page, most=opened.settings.stale_page)
        if room := config.documents - queued:
            with acting("run"):
                taken = ledger.requeue(stale[:room])
            ledger.prioritize(taken, PRIORITY)
            queued += len(taken)
        context.log.info(f"{scan.stale:,} of {scan.looked:,} documents are stale, {queued:,} queued")
    rows = [dg.TableRecord({"why": reason, "documents": number}) for reason, number in scan.reasons.items()]
    found = {"stale": scan.stale, "looked": scan.looked, "queued": queued}
    context.add_output_metadata({**found, **({"reasons": dg.MetadataValue.table(rows)} if rows else {})})


@dg.job(
    description="Deletes artifacts that no document needs, old evidence and numbers, and old runs with their logs.",
    executor_def=dg.in_process_executor,
    # It takes minutes, and must not wait for the end of a long queue of batches.
    tags={"dagster/priority": "1"},
)
def clean_up() -> None:
    delete_what_nobody_needs()


@dg.job(
    description="Tells which documents the present code, settings or models would make otherwise, and queues as many as are asked for.",
    executor_def=dg.in_process_executor,
)
def reprocess_stale() -> None:
    queue_stale_documents()
