"""Cut documents that wait into batches, one Dagster run each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from math import ceil

from docpipe.ledger import PendingDocument

SHRINK = 10
"""A batch of documents whose runs died is this many times smaller at each attempt."""


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """The most that one run takes on; a document larger than a limit travels alone."""

    documents: int
    size: int
    """Bytes."""
    pages: int


@dataclass(frozen=True, slots=True)
class Load:
    """How much waits, and what could take it on now."""

    waiting: int
    oldest_seconds: float
    free_runs: int
    """Runs that could begin now, beside those that are requested or under way."""


def sized(limits: BatchLimits, load: Load, smallest: int, patience_seconds: float) -> BatchLimits:
    """The limits of the batches that are cut now, from how much waits and since when.

    What waits is shared by the runs that could begin now, so that a few documents are done as soon as they can be. No share is
    smaller than `smallest`, below which a run would spend more on its start than on its documents, and none larger than a full
    batch, which is what a long queue comes to. Once the oldest has waited for `patience_seconds`, batches are full in any case:
    the installation is behind, and full batches are the cheapest.
    """
    if load.oldest_seconds > patience_seconds:
        return limits
    share = ceil(load.waiting / max(1, load.free_runs))
    return replace(limits, documents=min(limits.documents, max(smallest, share)))


def cut(waiting: Iterable[PendingDocument], limits: BatchLimits) -> Iterator[list[PendingDocument]]:
    """Yield the documents of one batch after the other, in the order in which they wait.

    Documents that were in a run that died travel in ever smaller company, so that the one that kills its runs is alone
    in the end and takes no neighbour with it.
    """
    batch: list[PendingDocument] = []
    size = pages = attempts = 0
    for document in waiting:
        attempts = max(attempts, document.attempts)
        allowed = max(1, limits.documents // SHRINK**attempts)
        full = len(batch) >= allowed or size + document.size > limits.size or pages + document.pages_estimate > limits.pages
        if batch and full:
            yield batch
            batch, size, pages, attempts = [], 0, 0, document.attempts
        batch.append(document)
        size += document.size
        pages += document.pages_estimate
    if batch:
        yield batch
