"""Batches that somebody stops, and documents that wait until somebody lets them go on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, exists, func, or_, select, update

from docpipe.ledger.audit import AuditEvent, note
from docpipe.ledger.batches import UNFINISHED
from docpipe.ledger.database import LedgerPart, slices
from docpipe.ledger.schema import batches, documents
from docpipe.ledger.stored_text import stored_text
from docpipe.ledger.waiting import PENDING
from docpipe.models import DocumentStatus
from docpipe.waiting_line import HELD

_HELD = and_(PENDING, documents.c.not_before == HELD)
_BY_HAND = "held by `docpipe cancel --all-waiting`: `docpipe resume --all` lets it go on"


@dataclass(frozen=True, slots=True)
class BatchProgress:
    """How far a batch is; documents that went on to another batch are no longer counted."""

    batch_id: str
    created: datetime
    closed: datetime | None
    cancelled: datetime | None
    priority: int
    documents: int
    """As many as were queued."""
    statuses: Mapping[DocumentStatus, int]
    run_id: str | None

    @property
    def state(self) -> str:
        if self.cancelled:
            return "cancelled" if self.closed else "cancelling"
        if self.closed:
            return "over"
        return "running" if self.run_id else "requested"

    @property
    def unfinished(self) -> int:
        return sum(self.statuses.get(status, 0) for status in UNFINISHED)


@dataclass(frozen=True, slots=True)
class Line:
    """The documents that wait, in numbers."""

    ready: int
    resting: int
    """Not before a time that comes by itself, such as that of a new budget."""
    held: int
    """Not before somebody resumes them."""


@dataclass(frozen=True, slots=True)
class Resumed:
    """What goes on."""

    documents: list[str]
    """Were held, and wait for a batch again."""
    batches: list[str]
    """Had been cancelled, and had not ended yet."""


class Holds(LedgerPart):
    """Cancel, look, resume. Whatever is cancelled keeps what it has done, and its documents keep their place in the ledger."""

    def cancel(self, name: str) -> str | None:
        """Mark a batch as cancelled, or a run outside of any; by id or its unambiguous beginning. Returns its id; None: there is none.

        Stages see the mark between two documents, the sensor ends the run and holds what it left. One that is over is none.
        """
        now = datetime.now(UTC)
        with self._database.write() as connection:
            batch_id = self._one(connection, batches.c.batch_id, name, batches.c.closed.is_(None))
            if batch_id is None:
                run_id = self._one(connection, documents.c.run_id, name, documents.c.status == DocumentStatus.RUNNING)
                if run_id is None:
                    return None
                of_run = and_(documents.c.run_id == run_id, documents.c.status == DocumentStatus.RUNNING)
                batch_id = connection.scalar(select(documents.c.batch_id).where(of_run).limit(1))
                if batch_id is None:
                    # Closed from the start: no batch is to be requested for it, the row is only the mark.
                    row = {"batch_id": run_id, "created": now, "closed": now, "cancelled": now, "documents": 0}
                    connection.execute(self._database.insert(batches).values(row).on_conflict_do_nothing())
                    return run_id
            mark = update(batches).where(batches.c.batch_id == batch_id, batches.c.cancelled.is_(None))
            connection.execute(mark.values(cancelled=now))
        return batch_id

    def is_cancelled(self, *names: str) -> bool:
        """Whether one of these, a batch or a run outside of any, was cancelled and is not over yet."""
        stopped = or_(batches.c.closed.is_(None), batches.c.closed == batches.c.cancelled)
        query = select(exists().where(batches.c.batch_id.in_(names), batches.c.cancelled.is_not(None), stopped))
        with self._database.read() as connection:
            return bool(connection.scalar(query))

    def hold_waiting(self) -> tuple[int, list[str]]:
        """Hold all that wait, and cancel the batches of which no document was begun; returns how many, and those batches."""
        begun = exists().where(documents.c.batch_id == batches.c.batch_id, documents.c.status != DocumentStatus.QUEUED)
        with self._database.write() as connection:
            values = {"not_before": HELD, "error": _BY_HAND}
            # Those that rest too: their time comes by itself.
            waiting = and_(PENDING, or_(documents.c.not_before.is_(None), documents.c.not_before < HELD))
            held = self._change(connection, waiting, values, AuditEvent.POSTPONED)
            open_ones = select(batches.c.batch_id).where(batches.c.closed.is_(None), batches.c.cancelled.is_(None), ~begun)
            unbegun = list(connection.scalars(open_ones))
            connection.execute(update(batches).where(batches.c.batch_id.in_(unbegun)).values(cancelled=datetime.now(UTC)))
        return len(held), unbegun

    def resume(self, name: str | None = None) -> Resumed:
        """Let the held documents of a batch or a run wait for the next one again, or all that are held.

        A batch that was cancelled and has not ended yet goes on where it is, unless its run has been ended meanwhile.
        """
        held, going = _HELD, and_(batches.c.closed.is_(None), batches.c.cancelled.is_not(None))
        with self._database.write() as connection:
            if name is not None:
                batch_id = self._one(connection, batches.c.batch_id, name, batches.c.cancelled.is_not(None)) or self._one(
                    connection, documents.c.batch_id, name, _HELD
                )
                if batch_id is None:
                    return Resumed([], [])
                held, going = and_(held, documents.c.batch_id == batch_id), and_(going, batches.c.batch_id == batch_id)
            freed = update(batches).where(going).values(cancelled=None).returning(batches.c.batch_id)
            return Resumed(
                documents=self._change(connection, held, {"not_before": None, "error": None, "batch_id": None}, AuditEvent.REQUEUED),
                batches=sorted(connection.scalars(freed)),
            )

    def line(self) -> Line:
        """Count the documents that wait."""
        resting = and_(PENDING, documents.c.not_before.is_not(None))
        now = datetime.now(UTC)
        with self._database.read() as connection:
            ready = connection.scalar(select(func.count()).where(PENDING, documents.c.not_before.is_(None))) or 0
            rested = connection.scalar(select(func.count()).where(resting, documents.c.not_before <= now)) or 0
            held = connection.scalar(select(func.count()).where(resting, documents.c.not_before == HELD)) or 0
            every = connection.scalar(select(func.count()).where(resting)) or 0
        return Line(ready + rested, every - rested - held, held)

    def batch_progress(self, limit: int = 20) -> list[BatchProgress]:
        """Return the newest batches, open ones first."""
        names = ("batch_id", "created", "closed", "cancelled", "priority", "documents")
        query = select(*(batches.c[name] for name in names)).order_by(batches.c.closed.is_not(None), batches.c.created.desc()).limit(limit)
        with self._database.read() as connection:
            rows = connection.execute(query).mappings().all()
            numbers: dict[str, Counter[DocumentStatus]] = {row["batch_id"]: Counter() for row in rows}
            runs: dict[str, str] = {}
            columns = (documents.c.batch_id, documents.c.status, func.count(), func.max(documents.c.run_id))
            counted = select(*columns).where(documents.c.batch_id.in_(numbers)).group_by(documents.c.batch_id, documents.c.status)
            for batch_id, status, number, run_id in connection.execute(counted):
                numbers[batch_id][DocumentStatus(status)] = number
                if run_id:
                    runs[batch_id] = run_id
        return [BatchProgress(**row, statuses=dict(numbers[row["batch_id"]]), run_id=runs.get(row["batch_id"])) for row in rows]

    def _one(self, connection: Connection, column: ColumnElement[Any], name: str, condition: ColumnElement[bool]) -> str | None:
        """The one value that is `name` or begins with it."""
        if not name or stored_text(name) != name:
            return None
        matching = or_(column == name, column.startswith(name, autoescape=True))
        found: Sequence[Any] = connection.scalars(select(column).where(matching, condition).distinct().limit(2)).all()
        return str(found[0]) if len(found) == 1 else None

    def _change(self, connection: Connection, condition: ColumnElement[bool], values: dict[str, Any], event: AuditEvent) -> list[str]:
        columns = (documents.c.key, documents.c.generation, documents.c.batch_id)
        rows = connection.execute(select(*columns).where(condition).order_by(documents.c.key).with_for_update()).all()
        entry = {"status": DocumentStatus.PENDING.value, "error": values["error"]}
        for part in slices(rows):
            connection.execute(update(documents).where(documents.c.key.in_([row.key for row in part])).values(values))
            note(connection, event, [{"key": row.key, "generation": row.generation, "batch_id": row.batch_id, **entry} for row in part])
        return [row.key for row in rows]
