"""Batches: the documents of one run, from the moment they are claimed until the run is over."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import islice

from sqlalchemy import ColumnElement, and_, case, func, select, update

from docpipe.ledger.audit import AuditEvent, note
from docpipe.ledger.database import LedgerPart, slices
from docpipe.ledger.records import Batch, PendingDocument
from docpipe.ledger.schema import UNKNOWN_SIZE, batches, documents
from docpipe.ledger.waiting import PENDING, levels, rested, waiting_at
from docpipe.models import DocumentStatus
from docpipe.waiting_line import HIGHEST, LOWEST, URGENT, in_line

UNFINISHED = (DocumentStatus.QUEUED, DocumentStatus.RUNNING)
_CLOCK_SLACK = timedelta(minutes=5)
"""Clocks of machines differ; what is further ahead than this was written before a clock was set back."""


class Batches(LedgerPart):
    """Pending documents are queued in a batch: see `docpipe.waiting_line` for their order, `Returns` for what comes back."""

    def pending(self, limit: int, *, urgent: bool | None = None) -> list[PendingDocument]:
        """Return the documents that stand first in the line and may go now; one that a run died on has gone to its end.

        With `urgent`, only those of a priority from `URGENT` on, or only the others.
        """
        lowest, highest = (URGENT if urgent else LOWEST), (HIGHEST if urgent in (None, True) else URGENT - 1)
        with self._database.read() as connection:
            queues = [waiting_at(connection, priority, limit) for priority in levels(connection, lowest, highest)]
            queues.append(rested(connection, lowest, highest, datetime.now(UTC), limit))
        return list(islice(in_line(queues), limit))

    def queue(self, batch_id: str, keys: Iterable[str]) -> list[str]:
        """Claim those of the documents that are still pending, make the batch of them, and return them in the given order.

        No document is ever claimed by two callers. With nothing to claim there is no batch.
        """
        ordered = list(dict.fromkeys(keys))
        now = datetime.now(UTC)
        claimed: dict[str, int] = {}
        may_go = and_(PENDING, documents.c.size != UNKNOWN_SIZE, _rested(now))
        with self._database.write() as connection:
            for part in slices(sorted(ordered)):
                # Who waits here for another caller's commit finds the status changed, and the row not its own.
                columns = (documents.c.key, documents.c.generation, documents.c.priority)
                query = select(*columns).where(documents.c.key.in_(part), may_go).order_by(documents.c.key).with_for_update()
                found = connection.execute(query).all()
                values = {"status": DocumentStatus.QUEUED.value, "batch_id": batch_id, "run_id": None, "error": None, "not_before": None}
                connection.execute(update(documents).where(documents.c.key.in_([row.key for row in found])).values(**values, updated=now))
                entry = {"status": DocumentStatus.QUEUED.value, "batch_id": batch_id}
                note(connection, AuditEvent.QUEUED, [{"key": row.key, "generation": row.generation, **entry} for row in found])
                claimed.update((row.key, row.priority) for row in found)
            if claimed:
                highest = max(claimed.values())
                insert = self._database.insert(batches).values(batch_id=batch_id, created=now, documents=len(claimed), priority=highest)
                more = {"documents": batches.c.documents + len(claimed), "closed": None}
                connection.execute(insert.on_conflict_do_update(index_elements=["batch_id"], set_=more))
        return [key for key in ordered if key in claimed]

    def prioritize(self, keys: Iterable[str], priority: int, *, only_raise: bool = False) -> list[str]:
        """Give documents that wait another priority, and return those that have a new one; `only_raise` lowers none."""
        changed: list[str] = []
        other = documents.c.priority < priority if only_raise else documents.c.priority != priority
        with self._database.write() as connection:
            for part in slices(sorted(set(keys))):
                query = select(documents.c.key).where(documents.c.key.in_(part), PENDING, other).order_by(documents.c.key)
                found = list(connection.scalars(query.with_for_update()))
                connection.execute(update(documents).where(documents.c.key.in_(found)).values(priority=priority))
                changed.extend(found)
        return changed

    def set_clocks_right(self) -> int:
        """Let what seems to have come to wait in the future have come now, and return how much: a clock was set back since.

        Without this it would wait at the end of the line for as long as the clock was ahead.
        """
        now = datetime.now(UTC)
        ahead = and_(PENDING, documents.c.updated > now + _CLOCK_SLACK)
        with self._database.read() as connection:
            if connection.scalar(select(documents.c.key).where(ahead).limit(1)) is None:
                return 0
        with self._database.write() as connection:
            keys = list(connection.scalars(select(documents.c.key).where(ahead).order_by(documents.c.key).with_for_update()))
            for part in slices(keys):
                connection.execute(update(documents).where(documents.c.key.in_(part)).values(updated=now))
        return len(keys)

    def batch_keys(self, batch_id: str) -> list[str]:
        """Return the documents of the batch, finished ones too, in order of the key."""
        query = select(documents.c.key).where(documents.c.batch_id == batch_id).order_by(documents.c.key)
        with self._database.read() as connection:
            return list(connection.scalars(query))

    def run_keys(self, run_id: str) -> list[str]:
        """Return the documents that this run was the last to start a stage on, in order of the key."""
        query = select(documents.c.key).where(documents.c.run_id == run_id).order_by(documents.c.key)
        with self._database.read() as connection:
            return list(connection.scalars(query))

    def open_batches(self) -> list[Batch]:
        """Return the batches that are not closed, oldest first."""
        unfinished = func.count(case((documents.c.status.in_(UNFINISHED), 1)))
        names = ("batch_id", "created", "range_start", "range_end", "documents")
        columns = [batches.c[name] for name in names]
        more = [batches.c.priority, batches.c.cancelled]
        query = (
            select(*columns, unfinished, *more)
            .outerjoin(documents, documents.c.batch_id == batches.c.batch_id)
            .where(batches.c.closed.is_(None))
            .group_by(*columns, *more)
            .order_by(batches.c.created, batches.c.batch_id)
        )
        with self._database.read() as connection:
            return [Batch(*row) for row in connection.execute(query)]

    def set_batch_range(self, batch_id: str, start: str, end: str) -> None:
        """Note the first and the last partition key of the batch's run."""
        with self._database.write() as connection:
            connection.execute(update(batches).where(batches.c.batch_id == batch_id).values(range_start=start, range_end=end))

    def loose_runs(self) -> dict[str, list[str]]:
        """Return, by run id, the documents that are running in no batch: somebody started them from the UI."""
        loose = (documents.c.status == DocumentStatus.RUNNING, documents.c.batch_id.is_(None), documents.c.run_id.is_not(None))
        query = select(documents.c.run_id, documents.c.key).where(*loose).order_by(documents.c.key)
        runs: dict[str, list[str]] = {}
        with self._database.read() as connection:
            for run_id, key in connection.execute(query):
                runs.setdefault(run_id, []).append(key)
        return runs


def _rested(now: datetime) -> ColumnElement[bool]:
    return documents.c.not_before.is_(None) | (documents.c.not_before <= now)
