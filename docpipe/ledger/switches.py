"""Which collection was searched since when, and which was refused its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, insert, or_, select, text

from docpipe.ledger.database import LedgerPart
from docpipe.ledger.schema import documents, stage_states, switches, totals
from docpipe.ledger.stored_text import stored_error
from docpipe.models import DocumentStatus, StageName, StageStatus

_WAITING = (DocumentStatus.PENDING, DocumentStatus.QUEUED, DocumentStatus.RUNNING)


@dataclass(frozen=True, slots=True)
class Switch:
    """One decision about one collection."""

    collection: str
    accepted: bool
    """Whether searches were sent to the collection from then on."""
    reason: str
    previous: str | None = None
    """The collection that was searched until then; None: there was none."""
    quality: Mapping[str, Any] = field(default_factory=dict)
    """What the decision rests on, as `docpipe.switch` puts it; JSON values only."""
    at: datetime | None = None
    """Set by the ledger, as is `number`."""
    number: int = 0
    """Rises with every decision."""


@dataclass(frozen=True, slots=True)
class Indexed:
    """How far the index is, in numbers of documents."""

    waiting: int
    """Pending, queued or running."""
    done: int
    """Indexed, in whichever collection."""
    newest: datetime | None
    """When one of those done changed last."""


class Switches(LedgerPart):
    """The decisions about the collections behind an alias."""

    def record_switches(self, alias: str, decisions: Sequence[Switch], after: int | None = None) -> bool:
        """Append decisions, all or none.

        With `after` only while that is the number of the newest one (0: there is none yet); False where somebody has decided since.
        """
        now = datetime.now(UTC)
        rows = [
            {
                "alias": alias,
                "collection": one.collection,
                "previous": one.previous,
                "at": now,
                "accepted": one.accepted,
                "reason": stored_error(one.reason),
                "quality": dict(one.quality),
            }
            for one in decisions
        ]
        newest = select(func.coalesce(func.max(switches.c.id), 0)).where(switches.c.alias == alias)
        with self._database.write() as connection:
            if not self._database.is_sqlite:
                # Else two that read the same newest number would both write.
                connection.execute(text("LOCK TABLE switches IN EXCLUSIVE MODE"))
            if after is not None and connection.scalar(newest) != after:
                return False
            connection.execute(insert(switches), rows)
        return True

    def switches(self, alias: str, limit: int = 1_000) -> list[Switch]:
        """Return the decisions about the alias's collections, newest first: the accepted ones, and the newest about each collection.

        Older refusals are left out: one that is repeated for weeks shall not hide where searches were sent before.
        """
        newest = select(func.max(switches.c.id)).where(switches.c.alias == alias).group_by(switches.c.collection)
        telling = (switches.c.alias == alias, or_(switches.c.accepted, switches.c.id.in_(newest)))
        query = select(switches).where(*telling).order_by(switches.c.id.desc()).limit(limit)
        with self._database.read() as connection:
            return [
                Switch(row.collection, row.accepted, row.reason, row.previous, dict(row.quality), row.at, row.id)
                for row in connection.execute(query)
            ]

    def indexed(self) -> Indexed:
        """Count the documents that are indexed and those that wait; reads the totals and an index."""
        of_documents = totals.c.stage == ""
        by_status = select(totals.c.status, func.sum(totals.c.documents)).where(of_documents).group_by(totals.c.status)
        newest = select(func.max(documents.c.updated)).where(documents.c.status == DocumentStatus.INDEXED)
        with self._database.read() as connection:
            statuses = {status: int(number) for status, number in connection.execute(by_status)}
            changed = connection.scalar(newest)
        return Indexed(sum(statuses.get(status, 0) for status in _WAITING), statuses.get(DocumentStatus.INDEXED, 0), changed)

    def indexed_by_recipe(self) -> Mapping[str, int]:
        """Count the indexed documents by the hash of the recipe that made their points.

        Reads the states of all, so not for every tick of a sensor.
        """
        current = (
            stage_states.c.stage == StageName.INDEXED_VECTORS,
            stage_states.c.status == StageStatus.COMPLETE,
            stage_states.c.generation == documents.c.generation,
            documents.c.status == DocumentStatus.INDEXED,
        )
        joined = select(stage_states.c.recipe, func.count()).join(documents, documents.c.key == stage_states.c.key)
        with self._database.read() as connection:
            return dict(connection.execute(joined.where(*current).group_by(stage_states.c.recipe)).tuples().all())
