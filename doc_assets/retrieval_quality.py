"""Asset check: the index still answers the questions whose answers are known."""

import dagster as dg
from pydantic import Field

from doc_assets.charts import trend
from doc_assets.indexed_vectors import indexed_vectors
from doc_assets.quality_history import Measured, quality_history
from docpipe.errors import GoldenSetInvalid
from docpipe.golden import Evaluation, GoldenSet, evaluate
from resources.pipeline import PipelineResource

WORST = 20
"""Queries in the table."""


class RetrievalQualityConfig(dg.Config):
    accept: bool = Field(False, description="Take the result as the new yardstick, even though it is worse.")


@dg.asset_check(asset=indexed_vectors)
def retrieval_quality(
    context: dg.AssetCheckExecutionContext, config: RetrievalQualityConfig, pipeline: PipelineResource
) -> dg.AssetCheckResult:
    """Asks the golden set of the searched collection, and fails when nDCG@10 has fallen by more than the tolerance."""
    settings = pipeline.open().settings
    if not settings.golden_set:
        return dg.AssetCheckResult(passed=True, description="no golden set is configured: DOCPIPE_GOLDEN_SET names a folder with one")
    try:
        golden = GoldenSet.load(settings.golden_set)
        found = evaluate(settings, golden)
    except GoldenSetInvalid as error:
        return dg.AssetCheckResult(passed=False, description=str(error))
    earlier = quality_history(context.instance, context.check_specs[0].key, golden.sha256)
    yardstick = earlier[-1].accepted if earlier else found.ndcg
    passed = config.accept or found.ndcg >= yardstick - settings.golden_tolerance
    # The best one that was ever accepted: many small losses would otherwise pass one by one.
    accepted = found.ndcg if config.accept else max(yardstick, found.ndcg)
    return dg.AssetCheckResult(
        passed=passed,
        description=_told(found, yardstick if earlier else None, passed),
        metadata={
            "ndcg_at_10": found.ndcg,
            "mrr_at_10": found.mrr,
            **{f"recall_at_{cutoff}": value for cutoff, value in found.recall.items()},
            "queries": found.queries,
            "unknown_documents": len(found.unknown),
            "collection": found.collection,
            **Measured(found.ndcg, accepted, golden.sha256).metadata,
            **({"worst_queries": _worst(found)} if found.worst else {}),
            **({"over_time": trend([*(one.ndcg for one in earlier), found.ndcg], "nDCG@10")} if earlier else {}),
        },
    )


def _told(found: Evaluation, yardstick: float | None, passed: bool) -> str:
    number = f"nDCG@10 is {found.ndcg:.4f} over {found.queries} queries"
    if yardstick is None:
        return f"{number}, the first result of this golden set"
    if passed:
        return f"{number}, {yardstick:.4f} was accepted before"
    return f"{number}, below the accepted {yardstick:.4f}: see the worst queries, or run the check with accept: true"


def _worst(found: Evaluation) -> dg.TableMetadataValue:
    rows = [
        dg.TableRecord(
            {
                "query": one.text,
                "ndcg": round(one.ndcg, 3),
                "missed": ", ".join(map(str, one.missed[:3])),
                "came_first": ", ".join(map(str, one.ranked[:3])),
            }
        )
        for one in found.worst[:WORST]
    ]
    return dg.MetadataValue.table(rows)
