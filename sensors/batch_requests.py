"""From documents that wait to requests of runs: claimed first, so that nothing is requested twice."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import chain

import dagster as dg

from docpipe.batch import BatchLimits, Load, cut, sized
from docpipe.ledger import Batch, PendingDocument
from docpipe.pipeline import Pipeline
from docpipe.waiting_line import URGENT
from sensors.batch_runs import run_request
from sensors.partition_order import PartitionOrder
from sensors.run_slots import run_slots

WAITING_LIMIT = 5_000
"""Documents of a line that one tick cuts into batches; the rest wait for the next tick."""


def request_batches(
    instance: dg.DagsterInstance, order: PartitionOrder, pipeline: Pipeline, job: str, deadline: float, still_open: Sequence[Batch] = ()
) -> Iterator[dg.RunRequest]:
    """Claim the waiting documents for as many batches as may be open, make partitions of them and request their runs.

    Urgent documents have batches of their own, and room of their own: neither line holds up the other.
    """
    for urgent in (True, False):
        open_ones = sum((batch.priority >= URGENT) is urgent for batch in still_open)
        room = (pipeline.settings.urgent_batches if urgent else pipeline.settings.open_batches) - open_ones
        if room > 0:
            free_runs = run_slots(instance, urgent) - open_ones
            yield from _requests(order, pipeline, job, deadline, room, pipeline.ledger.pending(WAITING_LIMIT, urgent=urgent), free_runs)


def _requests(
    order: PartitionOrder, pipeline: Pipeline, job: str, deadline: float, room: int, waiting: Sequence[PendingDocument], free_runs: int
) -> Iterator[dg.RunRequest]:
    settings, ledger = pipeline.settings, pipeline.ledger
    priorities = {document.key: document.priority for document in waiting}
    batches = cut(waiting, limits_for(pipeline, waiting, free_runs))
    for keys in chain.from_iterable(order.pieces([document.key for document in batch]) for batch in batches):
        batch_id = uuid.uuid4().hex
        if claimed := ledger.queue(batch_id, keys):
            ends = order.gather(claimed)
            if ends:
                ledger.set_batch_range(batch_id, *ends)
                yield run_request(batch_id, *ends, len(claimed), job, priority=max(map(priorities.__getitem__, claimed)), settings=settings)
                room -= 1
            else:
                # Since the pieces were cut, somebody began to go by the order: a later tick cuts them anew.
                ledger.close_batch(batch_id, settings.max_attempts, count=False)
        if room <= 0 or time.monotonic() > deadline:
            return


def limits_for(pipeline: Pipeline, waiting: Sequence[PendingDocument], free_runs: int) -> BatchLimits:
    """The limits of the batches that are cut now."""
    settings = pipeline.settings
    most = BatchLimits(settings.batch_documents, settings.batch_bytes, settings.batch_pages)
    oldest = min((document.since for document in waiting), default=datetime.now(UTC))
    load = Load(len(waiting), (datetime.now(UTC) - oldest).total_seconds(), free_runs)
    return sized(most, load, settings.batch_smallest, settings.patience_seconds)
