"""Asset checks: the batch is whole, and index equals bucket."""

import dagster as dg

from doc_assets.indexed_vectors import indexed_vectors
from doc_assets.partitions import DOCUMENTS, run_keys
from docpipe.consistency import Consistency, check
from docpipe.models import DocumentStatus
from resources.pipeline import PipelineResource

SHOWN = 200
"""Rows of a table in a check's metadata."""


@dg.asset_check(asset=indexed_vectors, blocking=True, partitions_def=DOCUMENTS)
def batch_is_whole(context: dg.AssetCheckExecutionContext, pipeline: PipelineResource) -> dg.AssetCheckResult:
    """Fails the run when a document of the batch failed, so that Dagster shows its partitions as failed."""
    ledger = pipeline.open().ledger
    documents = ledger.documents(run_keys(context.run, context.partition_keys, ledger))
    failed = [document for document in documents.values() if document.status in (DocumentStatus.FAILED, DocumentStatus.QUARANTINED)]
    waiting = [document for document in documents.values() if document.status is DocumentStatus.PENDING]
    through = f"{len(documents) - len(failed) - len(waiting)} of {len(documents)} documents went through"
    # They come back by themselves, each with its reason: an outage, or a budget that is spent.
    reason = next((f", the first of them: {document.error}" for document in waiting if document.error), "")
    rows = [dg.TableRecord({"document": document.key, "error": document.error or ""}) for document in failed[:SHOWN]]
    return dg.AssetCheckResult(
        passed=not failed,
        description=through + (f"; {len(waiting)} wait for another run{reason}" if waiting else ""),
        metadata={"failed": len(failed), **({"failed_documents": dg.MetadataValue.table(rows)} if rows else {})},
    )


@dg.asset_check(asset=indexed_vectors)
def index_equals_bucket(pipeline: PipelineResource) -> dg.AssetCheckResult:
    """Compares bucket, ledger, artifacts and index, and names every difference."""
    found = check(pipeline.open())
    rows = [dg.TableRecord({"kind": str(one.kind), "name": one.name, "detail": one.detail}) for one in found.inconsistencies[:SHOWN]]
    return dg.AssetCheckResult(
        passed=found.agrees,
        description=f"{found.objects} objects, {found.points} points: {len(found.inconsistencies)} differences{_newer(found)}",
        metadata={
            "differences": len(found.inconsistencies),
            "in_flight": found.in_flight,
            **{f"newer_in_{collection}": number for collection, number in found.newer.items()},
            **{f"documents_{status}": number for status, number in found.documents.items()},
            **({"named": dg.MetadataValue.table(rows)} if rows else {}),
        },
    )


def _newer(found: Consistency) -> str:
    return "".join(f"; {number} documents are newer in {collection}, which is not searched" for collection, number in found.newer.items())
