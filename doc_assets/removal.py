"""The job that takes out of the index what is no longer in the bucket."""

import dagster as dg

from doc_assets.lanes import IO
from doc_assets.partitions import DOCUMENTS
from docpipe.heartbeat import Heartbeat
from docpipe.ledger import Ledger
from docpipe.ledger.actor import acting
from docpipe.models import DocumentStatus
from resources.pipeline import PipelineResource
from sensors.named_partitions import partitions_are_named

SLICE = 500


@dg.op(tags=IO.op_tags, pool=IO.name)
def remove_deleted_documents(context: dg.OpExecutionContext, pipeline: PipelineResource) -> int:
    """Remove points, artifacts and partitions of every document that is marked for removal; leaves a tombstone.

    Of documents whose new version was refused or failed the points of the old version go, and nothing else.
    """
    opened = pipeline.open()
    removed = withdrawn = 0
    with acting("run"), Heartbeat(opened.ledger, context.run.run_id):
        while keys := [document.key for document in opened.ledger.list_documents(status=DocumentStatus.DELETING, limit=SLICE)]:
            opened.remove(keys)
            removed += len(keys)
            context.log.info(f"{removed} documents removed from the index")
        while keys := opened.ledger.outdated(SLICE):
            opened.withdraw(keys)
            withdrawn += len(keys)
            context.log.info(f"{withdrawn} documents withdrawn from the index: their new versions were refused or failed")
    partitions = delete_partitions(context.instance, opened.ledger)
    context.add_output_metadata({"removed": removed, "withdrawn": withdrawn, "partitions": partitions})
    return removed + withdrawn


def delete_partitions(instance: dg.DagsterInstance, ledger: Ledger) -> int:
    """Delete the partitions of all deleted documents; returns how many.

    Those that an earlier run left too: they stay as long as runs from the UI go by the order of the partitions.
    """
    name, deleted, after = str(DOCUMENTS.name), 0, ""
    partitions = set(instance.get_dynamic_partitions(name))
    while page := ledger.list_documents(status=DocumentStatus.DELETED, after=after, limit=SLICE):
        after = page[-1].key
        for key in (document.key for document in page if document.key in partitions):
            if partitions_are_named(instance):
                return deleted
            # It may have come back since the page was read.
            if ledger.documents([key])[key].status is DocumentStatus.DELETED:
                instance.delete_dynamic_partition(name, key)
                deleted += 1
    return deleted


@dg.job(
    description="Takes out of the index what left the bucket, or was replaced there by a file that cannot be indexed.",
    executor_def=dg.in_process_executor,
)
def remove_documents() -> None:
    remove_deleted_documents()
