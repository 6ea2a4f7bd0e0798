"""A document is a partition, a run is a batch of them."""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg

from docpipe.ledger import Ledger
from sensors.batch_runs import BATCH_TAG

DOCUMENTS = dg.DynamicPartitionsDefinition(name="documents")


def run_keys(run: dg.DagsterRun, selected: Sequence[str], ledger: Ledger) -> Sequence[str]:
    """Partition keys of a run: the ledger's batch where the sensor requested it, else what was selected in the UI.

    A run's tags can only name a range of partitions; the ledger knows the very documents, whatever became of the
    order of the partitions since. A run that repeats another one bears its batch too; the documents that it began on
    have left the batch, and belong to it alone.
    """
    batch_id = run.tags.get(BATCH_TAG)
    return sorted({*ledger.batch_keys(batch_id), *ledger.run_keys(run.run_id)}) if batch_id else selected
