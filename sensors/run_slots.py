"""How many runs of batches may be under way at once, as the instance is configured."""

from __future__ import annotations

import dagster as dg

LINE_TAG = "docpipe/line"
"""On the runs of batches: which of the two lines its documents waited in. The instance limits the runs of each."""
URGENT_LINE, ORDINARY_LINE = "urgent", "ordinary"


def line_of(urgent: bool) -> str:
    return URGENT_LINE if urgent else ORDINARY_LINE


def run_slots(instance: dg.DagsterInstance, urgent: bool) -> int:
    """Runs of one line that may be under way at once; 1 where the instance has no queue."""
    queue = instance.get_concurrency_config().run_queue_config
    if queue is None:
        return 1
    whole = [queue.max_concurrent_runs] if queue.max_concurrent_runs >= 0 else []
    own = [one["limit"] for one in queue.tag_concurrency_limits if one["key"] == LINE_TAG and one.get("value") in (None, line_of(urgent))]
    return min([*whole, *own], default=1)
