"""The job that sends searches to the collection of a new model."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from doc_assets.lanes import CPU
from doc_assets.run_log import product_log
from docpipe.heartbeat import Heartbeat
from resources.pipeline import PipelineResource


@dg.op(tags=CPU.op_tags, pool=CPU.name)
def switch_searches(context: dg.OpExecutionContext, pipeline: PipelineResource) -> str:
    """Compare the new collection with the searched one, and send searches to it if it is complete and no worse.

    Fails where it is refused its place, so that somebody looks; the numbers of both stand beside the failure.
    """
    from docpipe.switch import Verdict, switch

    opened = pipeline.open()
    with Heartbeat(opened.ledger, context.run.run_id), product_log(context.log):
        outcome = switch(opened)
    metadata = {"collection": outcome.collection, "previous": outcome.previous or "", "reason": outcome.reason, **_numbers(outcome.quality)}
    if outcome.verdict is Verdict.REFUSED:
        advice = "searches stay where they are; `docpipe index activate` tries again, with --force whatever it finds"
        raise dg.Failure(f"{outcome.reason}; {advice}", metadata=metadata, allow_retries=False)
    context.log.info(f"{outcome.verdict}: {outcome.reason}")
    context.add_output_metadata(metadata)
    return outcome.verdict.value


def _numbers(quality: Mapping[str, Any]) -> dict[str, Any]:
    """A row for each collection; empty cells where nothing was measured."""
    rows = []
    for role in ("searched", "candidate"):
        if side := quality.get(role):
            recall = side.get("recall", {})
            numbers = {"nDCG@10": side.get("ndcg", ""), "MRR@10": side.get("mrr", "")}
            numbers |= {f"recall@{cutoff}": recall.get(cutoff, "") for cutoff in ("1", "5", "10")}
            rows.append(
                dg.TableRecord({"role": role, **{name: side[name] for name in ("collection", "model", "dimension", "points")}, **numbers})
            )
    if not rows:
        return {}
    return {"compared": dg.MetadataValue.table(rows), "questions": quality.get("questions", 0), "lacking": quality.get("lacking", 0)}


@dg.job(
    description="Sends searches to the collection of a new model when it is complete, and no worse on the golden set.",
    executor_def=dg.in_process_executor,
)
def switch_collection() -> None:
    switch_searches()
