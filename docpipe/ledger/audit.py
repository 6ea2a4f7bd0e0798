"""The audit trail: what happened to each document, when, in which run, and by whom."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, Integer, Text, and_, insert, literal, select

from docpipe.ledger.actor import actor
from docpipe.ledger.database import LedgerPart
from docpipe.ledger.schema import UtcDateTime, audit, documents, stage_states
from docpipe.models import DocumentStatus, StageName

_EMPTY = dict.fromkeys(("stage", "attempt", "batch_id", "run_id", "error_kind", "error"))


class AuditEvent(StrEnum):
    """What can happen to a document."""

    REGISTERED = "registered"  # new in the bucket, or back
    CHANGED = "changed"  # another object under the same name: the next generation
    REFUSED = "refused"
    QUEUED = "queued"  # in a batch
    STARTED = "started"  # a stage
    COMPLETED = "completed"  # a stage
    FAILED = "failed"  # a stage, or all the runs that were allowed
    GIVEN_BACK = "given back"  # its run ended, or was cancelled, without a verdict
    POSTPONED = "postponed"  # waits for an outage to end or for tomorrow's budget
    REQUEUED = "requeued"  # somebody, or a change of code or settings, wants it done again
    SUPERSEDED = "superseded"  # the object changed while it was worked on
    WITHDRAWN = "withdrawn"  # the old version left the index, since the new one failed
    QUARANTINED = "quarantined"
    RELEASED = "released"
    DROPPED = "dropped"
    DELETING = "deleting"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One change of one document."""

    number: int
    """Rises with every entry, whatever the clocks of the machines do."""
    key: str
    at: datetime
    generation: int
    event: AuditEvent
    status: DocumentStatus
    """Of the document from then on."""
    stage: StageName | None
    attempt: int | None
    batch_id: str | None
    run_id: str | None
    error_kind: str | None
    error: str | None
    actor: str


def note(connection: Connection, event: AuditEvent, entries: Iterable[Mapping[str, Any]]) -> None:
    """Append entries in the transaction of the change itself.

    Each has `key`, `generation` and `status`, and what else is known of the table's columns.
    """
    fixed = {"event": event.value, "at": datetime.now(UTC), "actor": actor()}
    if rows := [{**_EMPTY, **entry, **fixed} for entry in entries]:
        connection.execute(insert(audit), rows)


def note_as_stands(
    connection: Connection, event: AuditEvent, keys: Sequence[str], stage: StageName | None = None, **known: str | None
) -> None:
    """Append one entry a document that says how it, and this stage of it, stands now in the tables; `known` overrides columns.

    One statement for all keys, which are at most a slice: the rows never leave the database.
    """
    if not keys:
        return
    of_stage = and_(stage_states.c.key == documents.c.key, stage_states.c.stage == (stage or ""))
    values: dict[str, ColumnElement[Any]] = {
        "key": documents.c.key,
        "at": literal(datetime.now(UTC), UtcDateTime),
        "generation": documents.c.generation,
        "event": literal(event.value),
        "status": documents.c.status,
        "stage": literal(stage.value if stage else None, Text),
        "attempt": stage_states.c.attempts if stage else literal(None, Integer),
        "batch_id": documents.c.batch_id,
        "run_id": stage_states.c.run_id if stage else documents.c.run_id,
        "error_kind": stage_states.c.error_kind if stage else literal(None, Text),
        "error": stage_states.c.error if stage else documents.c.error,
        "actor": literal(actor()),
    }
    values |= {column: literal(value, Text) for column, value in known.items()}
    query = select(*values.values()).where(documents.c.key.in_(keys)).order_by(documents.c.key)
    if stage:
        query = query.outerjoin_from(documents, stage_states, of_stage)
    connection.execute(insert(audit).from_select(list(values), query))


class Audit(LedgerPart):
    """Read only: entries are made by the methods that change documents."""

    def audit_trail(self, key: str, after: int = 0, limit: int = 1_000) -> list[AuditEntry]:
        """Return what happened to the document with this partition key, oldest first, from behind the entry of number `after`."""
        query = select(audit).where(audit.c.key == key, audit.c.id > after).order_by(audit.c.id).limit(limit)
        with self._database.read() as connection:
            return [
                AuditEntry(
                    number=row["id"],
                    key=row["key"],
                    at=row["at"],
                    generation=row["generation"],
                    event=AuditEvent(row["event"]),
                    status=DocumentStatus(row["status"]),
                    stage=StageName(row["stage"]) if row["stage"] else None,
                    attempt=row["attempt"],
                    batch_id=row["batch_id"],
                    run_id=row["run_id"],
                    error_kind=row["error_kind"],
                    error=row["error"],
                    actor=row["actor"],
                )
                for row in connection.execute(query).mappings()
            ]
