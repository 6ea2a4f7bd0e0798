"""Is anybody about to look partitions up by their names or their order?"""

import dagster as dg
from dagster._core.execution.backfill import BulkActionsFilter, BulkActionStatus

from resources.runs import UNFINISHED
from sensors.batch_runs import BATCH_TAG

_NAMING = ("dagster/partition", "dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
_UNDER_WAY = [BulkActionStatus.REQUESTED, BulkActionStatus.CANCELING, BulkActionStatus.FAILING]


def partitions_are_named(instance: dg.DagsterInstance) -> bool:
    """Whether a backfill, or a run that somebody launched on partitions, is under way.

    Such a run names the first and the last partition and looks up what lies between them when a step starts: were a
    partition moved or deleted meanwhile, it would lose documents or take others. Runs of batches have theirs in the ledger.
    """
    if instance.get_backfills(BulkActionsFilter(statuses=_UNDER_WAY), limit=1):
        return True
    runs = instance.get_runs(dg.RunsFilter(statuses=UNFINISHED))
    return any(BATCH_TAG not in run.tags and any(tag in run.tags for tag in _NAMING) for run in runs)
