"""How documents come back: from a run that ended, from a stage that could not, or because they are to be done again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, case, select, update

from docpipe.ledger.audit import AuditEvent, note
from docpipe.ledger.batches import UNFINISHED
from docpipe.ledger.database import LedgerPart, slices
from docpipe.ledger.schema import UNKNOWN_SIZE, batches, documents, stage_states
from docpipe.ledger.stored_text import stored_error
from docpipe.models import DocumentStatus, StageStatus
from docpipe.waiting_line import HELD

_SETTLED = (DocumentStatus.INDEXED, DocumentStatus.FAILED, DocumentStatus.REFUSED)
_ENDED = "its run ended early"


class Returns(LedgerPart):
    """What a run leaves without a verdict waits for another, rests, or is held; nothing is lost on the way."""

    def give_back(
        self,
        key: str,
        generation: int,
        max_attempts: int,
        reason: str,
        *,
        not_before: datetime | None = None,
        count: bool = True,
    ) -> bool:
        """Let one document wait for another batch, as `close_batch` does for those of a run; False where it is not in flight.

        With `not_before` no batch takes it until then, and `reason` stands on it meanwhile.
        """
        condition = (documents.c.key == key) & (documents.c.generation == generation)
        with self._database.write() as connection:
            return bool(_Return(max_attempts, reason, count, not_before).of(connection, condition))

    def close_batch(self, batch_id: str, max_attempts: int, *, count: bool = True, hold: bool = False, reason: str = _ENDED) -> list[str]:
        """End a batch whose run is over, and return the documents that the run left without a verdict.

        These go back to pending with one attempt more, or are failed when that was the last of `max_attempts`. Without
        `count` no attempt is counted: the run did not die on them. With `hold` they wait until somebody resumes the batch.
        """
        back = _Return(max_attempts, reason, count and not hold, HELD if hold else None, batch_id if hold else None)
        with self._database.write() as connection:
            connection.execute(update(batches).where(batches.c.batch_id == batch_id).values(closed=datetime.now(UTC)))
            return back.of(connection, documents.c.batch_id == batch_id)

    def close_run(self, run_id: str, max_attempts: int, *, count: bool = True, hold: bool = False, reason: str = _ENDED) -> list[str]:
        """Do for a run outside of any batch, which is over, what `close_batch` does for a batch; it is held under the run's id."""
        back = _Return(max_attempts, reason, count and not hold, HELD if hold else None, run_id if hold else None)
        with self._database.write() as connection:
            return back.of(connection, (documents.c.run_id == run_id) & documents.c.batch_id.is_(None))

    def requeue(self, keys: Iterable[str]) -> list[str]:
        """Make settled documents pending again, with no attempt counted, and return those that were.

        A refused one goes back without an identity, so that the next look at the bucket admits or refuses it anew. What was
        urgent when it arrived is not when it is done again.
        """
        refused = documents.c.status == DocumentStatus.REFUSED
        values = {
            "status": DocumentStatus.PENDING.value,
            "batch_id": None,
            "run_id": None,
            "attempts": 0,
            "error": None,
            "priority": case((documents.c.priority > 0, 0), else_=documents.c.priority),
            "not_before": None,
            "etag": case((refused, ""), else_=documents.c.etag),
            "size": case((refused, UNKNOWN_SIZE), else_=documents.c.size),
            "updated": datetime.now(UTC),
        }
        requeued: list[str] = []
        with self._database.write() as connection:
            for part in slices(sorted(set(keys))):
                query = select(documents.c.key, documents.c.generation).where(documents.c.key.in_(part), documents.c.status.in_(_SETTLED))
                found = connection.execute(query.order_by(documents.c.key).with_for_update()).all()
                connection.execute(update(documents).where(documents.c.key.in_([row.key for row in found])).values(values))
                pending = {"status": DocumentStatus.PENDING.value}
                note(connection, AuditEvent.REQUEUED, [{"key": row.key, "generation": row.generation, **pending} for row in found])
                requeued.extend(row.key for row in found)
        return requeued


@dataclass(frozen=True, slots=True)
class _Return:
    """What becomes of documents that are given back."""

    max_attempts: int
    reason: str
    count: bool
    not_before: datetime | None = None
    held_in: str | None = None
    """The batch, or the run, under whose id they are held."""

    def of(self, connection: Connection, condition: ColumnElement[bool]) -> list[str]:
        names = ("key", "generation", "attempts", "batch_id", "run_id")
        query = select(*(documents.c[name] for name in names)).where(condition, documents.c.status.in_(UNFINISHED))
        rows = connection.execute(query.order_by(documents.c.key).with_for_update()).all()
        now, reason = datetime.now(UTC), stored_error(self.reason)
        for failed in (False, True):
            found = [row for row in rows if self._failed(row.attempts) is failed]
            values = self._values(reason, failed) | {"updated": now}
            for part in slices(found):
                keys = [row.key for row in part]
                connection.execute(update(documents).where(documents.c.key.in_(keys)).values(values))
                running = update(stage_states).where(stage_states.c.key.in_(keys), stage_states.c.status == StageStatus.RUNNING)
                fallen = {"status": StageStatus.FAILED.value, "error_kind": "WorkerLost", "error": f"Not finished: {reason}"}
                connection.execute(running.values(**fallen, finished=now))
            note(connection, self._event(failed), self._entries(found, reason, values))
        return [row.key for row in rows]

    def _failed(self, attempts: int) -> bool:
        return self.count and attempts + 1 >= self.max_attempts

    def _event(self, failed: bool) -> AuditEvent:
        if failed:
            return AuditEvent.FAILED
        return AuditEvent.POSTPONED if self.not_before and not self.held_in else AuditEvent.GIVEN_BACK

    def _values(self, reason: str, failed: bool) -> dict[str, Any]:
        values: dict[str, Any] = {"attempts": documents.c.attempts + int(self.count), "run_id": None}
        if failed:
            message = f"Not finished in {self.max_attempts} runs, the last time since {reason}: read the runs' logs, "
            return values | {
                "status": DocumentStatus.FAILED.value,
                "error": f"{message}then `docpipe reprocess --failed`",
                "not_before": None,
            }
        return values | {
            "status": DocumentStatus.PENDING.value,
            "error": reason if self.not_before else None,
            "batch_id": self.held_in,
            "not_before": self.not_before,
        }

    def _entries(self, rows: Iterable[Any], reason: str, values: dict[str, Any]) -> Iterator[dict[str, Any]]:
        for row in rows:
            yield {
                "key": row.key,
                "generation": row.generation,
                "status": values["status"],
                "attempt": row.attempts + int(self.count),
                "batch_id": row.batch_id,
                "run_id": row.run_id,
                "error": values["error"] or reason,
            }
