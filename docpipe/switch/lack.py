"""What would no longer be found if searches went to another collection."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice

from docpipe.index.collection import Collection
from docpipe.index.inventory import Inventory, read_inventory
from docpipe.index.receipts import ReceiptCollections
from docpipe.models import Document, DocumentStatus, StageName, StageState
from docpipe.pipeline import Pipeline

PAGE = 1_000
NAMED = 5
"""Documents named as examples."""
_NOT_WANTED = (DocumentStatus.REFUSED, DocumentStatus.QUARANTINED, DocumentStatus.DELETING, DocumentStatus.DELETED)


@dataclass(slots=True)
class Lack:
    """Documents of which a collection holds less than it should."""

    missing: int = 0
    """Not in it at all."""
    older: int = 0
    """In it in an older version only."""
    damaged: int = 0
    """With another number of points than were written."""
    examples: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.missing or self.older or self.damaged)

    def __str__(self) -> str:
        parts = [
            f"{number:,} {what}"
            for number, what in ((self.missing, "missing"), (self.older, "only in an older version"), (self.damaged, "incomplete"))
            if number
        ]
        return f"documents: {', '.join(parts)} ({', '.join(self.examples)}{', …' if self.total > len(self.examples) else ''})"

    @property
    def total(self) -> int:
        return self.missing + self.older + self.damaged


def lack_of(pipeline: Pipeline, candidate: Collection, searched: Collection | None) -> Lack:
    """Compare a collection with the ledger and with the searched one.

    What changes while this looks is left out. Memory grows with the number of documents, as that of `docpipe.consistency` does.
    """
    began = datetime.now(UTC)
    inventory = read_inventory(pipeline.settings, [candidate, *([searched] if searched else [])])
    receipts = ReceiptCollections(pipeline.ledger)
    lack = Lack()
    documents = pipeline.ledger.all_documents()
    while page := list(islice(documents, PAGE)):
        states = pipeline.ledger.stage_states([document.key for document in page])
        found = {key: state for (key, stage), state in states.items() if stage is StageName.INDEXED_VECTORS}
        named = receipts.of(state.recipe for state in found.values() if state.recipe)
        for document in page:
            state = found.get(document.key)
            if document.status in _NOT_WANTED or (document.updated and document.updated > began):
                continue
            written_here = state is not None and named.get(state.recipe) == candidate.name
            _judge(document, state, inventory, candidate.name, searched.name if searched else "", written_here, lack)
    return lack


def _judge(
    document: Document, state: StageState | None, inventory: Inventory, candidate: str, searched: str, written_here: bool, lack: Lack
) -> None:
    held = inventory.of(document.key)
    present, found_now = held.get(candidate, {}), held.get(searched, {})
    complete = state is not None and document.status is DocumentStatus.INDEXED and state.is_complete_for(document)
    points = state.counts.get("points", 0) if state else 0
    # Of one that is on its way, or fell, nobody shall find less than now.
    wanted = (document.generation if points else None) if complete else max(found_now, default=None)
    if wanted is None:
        return
    if not present:
        lack.missing += 1
    elif max(present) < wanted:
        lack.older += 1
    elif complete and written_here and present.get(document.generation) != points:
        lack.damaged += 1
    else:
        return
    if len(lack.examples) < NAMED:
        lack.examples.append(document.key)
