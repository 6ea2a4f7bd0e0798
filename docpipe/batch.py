"""Cut documents that wait into batches, one Dagster run each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

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


def cut(waiting: Iterable[PendingDocument], limits: BatchLimits) -> Iterator[list[str]]:
    """Yield the partition keys of one batch after the other, in the order in which the documents wait.

    Documents that were in a run that died travel in ever smaller company, so that the one that kills its runs is alone
    in the end and takes no neighbour with it.
    """
    keys: list[str] = []
    size = pages = attempts = 0
    for document in waiting:
        attempts = max(attempts, document.attempts)
        allowed = max(1, limits.documents // SHRINK**attempts)
        full = len(keys) >= allowed or size + document.size > limits.size or pages + document.pages_estimate > limits.pages
        if keys and full:
            yield keys
            keys, size, pages, attempts = [], 0, 0, document.attempts
        keys.append(document.key)
        size += document.size
        pages += document.pages_estimate
    if keys:
        yield keys
