"""Batches: the documents of one run, from the moment they are claimed until the run is over."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, Connection, case, false, func, select, update

from docpipe.ledger.database import LedgerPart, slices
from docpipe.ledger.records import Batch, PendingDocument
from docpipe.ledger.schema import UNKNOWN_SIZE, batches, documents, stage_states
from docpipe.ledger.stored_text import stored_error
from docpipe.models import DocumentStatus, StageStatus

_UNFINISHED = (DocumentStatus.QUEUED, DocumentStatus.RUNNING)
_SETTLED = (DocumentStatus.INDEXED, DocumentStatus.FAILED, DocumentStatus.REFUSED)
_CLAIMABLE = (documents.c.status == DocumentStatus.PENDING, documents.c.size != UNKNOWN_SIZE)


class Batches(LedgerPart):
    """Pending documents are queued in a batch; whatever its run leaves unfinished comes back."""

    def pending(self, limit: int) -> list[PendingDocument]:
        """Return the documents that have been pending longest; one that a run died on goes to the end."""
        columns = (documents.c.key, documents.c.size, documents.c.pages_estimate, documents.c.attempts)
        query = select(*columns).where(*_CLAIMABLE).order_by(documents.c.updated, documents.c.key).limit(limit)
        with self._database.read() as connection:
            return [PendingDocument(*row) for row in connection.execute(query)]

    def queue(self, batch_id: str, keys: Iterable[str]) -> list[str]:
        """Claim those of the documents that are still pending, make the batch of them, and return them in the given order.

        No document is ever claimed by two callers. With nothing to claim there is no batch.
        """
        ordered = list(dict.fromkeys(keys))
        now = datetime.now(UTC)
        claimed: set[str] = set()
        with self._database.write() as connection:
            for part in slices(sorted(ordered)):
                # Who waits here for another caller's commit finds the status changed, and the row not its own.
                query = select(documents.c.key).where(documents.c.key.in_(part), *_CLAIMABLE).order_by(documents.c.key).with_for_update()
                found = list(connection.scalars(query))
                values = {"status": DocumentStatus.QUEUED.value, "batch_id": batch_id, "run_id": None, "error": None, "updated": now}
                connection.execute(update(documents).where(documents.c.key.in_(found)).values(values))
                claimed.update(found)
            if claimed:
                insert = self._database.insert(batches).values(batch_id=batch_id, created=now, documents=len(claimed))
                more = {"documents": batches.c.documents + len(claimed), "closed": None}
                connection.execute(insert.on_conflict_do_update(index_elements=["batch_id"], set_=more))
        return [key for key in ordered if key in claimed]

    def give_back(self, key: str, generation: int, max_attempts: int, reason: str) -> bool:
        """Let one document wait for another batch, as `close_batch` does for those of a run that ended; False where it is not in flight."""
        condition = (documents.c.key == key) & (documents.c.generation == generation)
        with self._database.write() as connection:
            return bool(_give_back(connection, condition, max_attempts, reason))

    def requeue(self, keys: Iterable[str]) -> list[str]:
        """Make settled documents pending again, with no attempt counted, and return those that were.

        A refused one goes back without an identity, so that the next look at the bucket admits or refuses it anew.
        """
        refused = documents.c.status == DocumentStatus.REFUSED
        values = {
            "status": DocumentStatus.PENDING.value,
            "batch_id": None,
            "run_id": None,
            "attempts": 0,
            "error": None,
            "etag": case((refused, ""), else_=documents.c.etag),
            "size": case((refused, UNKNOWN_SIZE), else_=documents.c.size),
            "updated": datetime.now(UTC),
        }
        requeued: list[str] = []
        with self._database.write() as connection:
            for part in slices(sorted(set(keys))):
                query = select(documents.c.key).where(documents.c.key.in_(part), documents.c.status.in_(_SETTLED))
                found = list(connection.scalars(query.order_by(documents.c.key).with_for_update()))
                connection.execute(update(documents).where(documents.c.key.in_(found)).values(values))
                requeued.extend(found)
        return requeued

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
        unfinished = func.count(case((documents.c.status.in_(_UNFINISHED), 1)))
        columns = (batches.c.batch_id, batches.c.created, batches.c.range_start, batches.c.range_end, batches.c.documents)
        query = (
            select(*columns, unfinished)
            .outerjoin(documents, documents.c.batch_id == batches.c.batch_id)
            .where(batches.c.closed.is_(None))
            .group_by(*columns)
            .order_by(batches.c.created, batches.c.batch_id)
        )
        with self._database.read() as connection:
            return [Batch(*row) for row in connection.execute(query)]

    def set_batch_range(self, batch_id: str, start: str, end: str) -> None:
        """Note the first and the last partition key of the batch's run."""
        with self._database.write() as connection:
            connection.execute(update(batches).where(batches.c.batch_id == batch_id).values(range_start=start, range_end=end))

    def close_batch(self, batch_id: str, max_attempts: int, *, count: bool = True) -> list[str]:
        """End a batch whose run is over, and return the documents that the run left without a verdict.

        These go back to pending with one attempt more, or are failed when that was the last of `max_attempts`. Without
        `count` no attempt is counted: the run did not die on them.
        """
        with self._database.write() as connection:
            connection.execute(update(batches).where(batches.c.batch_id == batch_id).values(closed=datetime.now(UTC)))
            return _give_back(connection, documents.c.batch_id == batch_id, max_attempts, count=count)

    def loose_runs(self) -> dict[str, list[str]]:
        """Return, by run id, the documents that are running in no batch: somebody started them from the UI."""
        loose = (documents.c.status == DocumentStatus.RUNNING, documents.c.batch_id.is_(None), documents.c.run_id.is_not(None))
        query = select(documents.c.run_id, documents.c.key).where(*loose).order_by(documents.c.key)
        runs: dict[str, list[str]] = {}
        with self._database.read() as connection:
            for run_id, key in connection.execute(query):
                runs.setdefault(run_id, []).append(key)
        return runs

    def close_run(self, run_id: str, max_attempts: int, *, count: bool = True) -> list[str]:
        """Do for a run outside of any batch, which is over, what `close_batch` does for a batch."""
        with self._database.write() as connection:
            return _give_back(connection, (documents.c.run_id == run_id) & documents.c.batch_id.is_(None), max_attempts, count=count)


def _give_back(
    connection: Connection, condition: ColumnElement[bool], max_attempts: int, reason: str = "its run ended early", *, count: bool = True
) -> list[str]:
    now = datetime.now(UTC)
    query = select(documents.c.key).where(condition, documents.c.status.in_(_UNFINISHED)).order_by(documents.c.key).with_for_update()
    keys = list(connection.scalars(query))
    attempts = documents.c.attempts + int(count)
    last = attempts >= max_attempts if count else false()
    reason = stored_error(reason)
    message = f"Not finished in {max_attempts} runs, the last time since {reason}: read the runs' logs, then `docpipe reprocess --failed`"
    for part in slices(keys):
        # The cases see the row as it was, so the count and the decision agree.
        values = {
            "attempts": attempts,
            "status": case((last, DocumentStatus.FAILED.value), else_=DocumentStatus.PENDING.value),
            "error": case((last, message), else_=None),
            "batch_id": case((last, documents.c.batch_id), else_=None),
            "run_id": None,
            "updated": now,
        }
        connection.execute(update(documents).where(documents.c.key.in_(part)).values(values))
        interrupted = update(stage_states).where(stage_states.c.key.in_(part), stage_states.c.status == StageStatus.RUNNING)
        failed = {"status": StageStatus.FAILED.value, "error_kind": "WorkerLost", "error": f"Not finished: {reason}", "finished": now}
        connection.execute(interrupted.values(failed))
    return keys
