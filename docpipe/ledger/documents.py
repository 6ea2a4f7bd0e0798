"""Questions about documents, and what is learnt of their bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from sqlalchemy import delete, exists, or_, select, update

from docpipe.ledger.audit import AuditEvent, note_as_stands
from docpipe.ledger.database import LedgerPart, slices
from docpipe.ledger.failure import transient_kinds
from docpipe.ledger.rows import document_of
from docpipe.ledger.schema import UNKNOWN_SIZE, stage_states
from docpipe.ledger.schema import documents as table
from docpipe.ledger.stored_text import stored_text
from docpipe.models import Document, DocumentStatus, StageName, StageStatus

_PAGE = 1_000
_REJECTED = (DocumentStatus.REFUSED, DocumentStatus.QUARANTINED, DocumentStatus.FAILED)
_GONE = (DocumentStatus.QUARANTINED, DocumentStatus.DELETING, DocumentStatus.DELETED)
_SUPERSEDED = "The object was replaced or deleted while it was worked on: the next look at the bucket decides"


class Documents(LedgerPart):
    """Documents one by one, in pages and in numbers."""

    def documents(self, keys: Iterable[str]) -> dict[str, Document]:
        """Return the documents with these partition keys; unknown keys are left out."""
        found: dict[str, Document] = {}
        with self._database.read() as connection:
            for part in slices(keys):
                rows = connection.execute(select(table).where(table.c.key.in_(part))).mappings()
                found.update((row["key"], document_of(row)) for row in rows)
        return found

    def find(self, text: str) -> Document | None:
        """Return the document with this partition key or, failing that, this object key."""
        if stored_text(text) != text:
            return None
        query = select(table).where(or_(table.c.key == text, table.c.object_key == text)).order_by(table.c.key != text).limit(1)
        with self._database.read() as connection:
            row = connection.execute(query).mappings().first()
        return document_of(row) if row else None

    def list_documents(self, status: DocumentStatus | None = None, after: str | None = None, limit: int = 100) -> list[Document]:
        """Return up to `limit` documents in order of the partition key, of one status or of all, from behind `after`."""
        query = select(table).order_by(table.c.key).limit(limit)
        if status is not None:
            query = query.where(table.c.status == status)
        if after is not None:
            query = query.where(table.c.key > after)
        with self._database.read() as connection:
            return [document_of(row) for row in connection.execute(query).mappings()]

    def all_documents(self) -> Iterator[Document]:
        """Yield every document, the deleted ones too, in order of the partition key."""
        page = self.list_documents(limit=_PAGE)
        while page:
            yield from page
            page = self.list_documents(after=page[-1].key, limit=_PAGE)

    def outdated(self, limit: int) -> list[str]:
        """Return documents whose new version was refused, failed for good or is in quarantine while the index still holds an older one.

        One that failed by a transient error, or because its runs died, keeps its old version: it may yet succeed.
        """
        # Asked for each of the few that fell, not joined: else the planner may begin with the states of all.
        older = exists().where(
            stage_states.c.key == table.c.key,
            stage_states.c.stage == StageName.INDEXED_VECTORS,
            stage_states.c.generation < table.c.generation,
        )
        fallen = stage_states.alias("fallen")
        failed_for_good = exists().where(
            fallen.c.key == table.c.key,
            fallen.c.generation == table.c.generation,
            fallen.c.status == StageStatus.FAILED,
            fallen.c.error_kind.not_in(transient_kinds()),
        )
        rejected = (table.c.status.in_(_REJECTED), table.c.generation > 1, or_(table.c.status != DocumentStatus.FAILED, failed_for_good))
        with self._database.read() as connection:
            # Not in the order of the keys, for which an engine might read all documents.
            return sorted(connection.scalars(select(table.c.key).where(*rejected, older).limit(limit)))

    def forget_index(self, keys: Iterable[str]) -> None:
        """Note that the index holds nothing of these documents any more that is older than their present generation."""
        now = datetime.now(UTC)
        present = select(table.c.generation).where(table.c.key == stage_states.c.key).scalar_subquery()
        with self._database.write() as connection:
            for part in slices(keys):
                of_index = (stage_states.c.key.in_(part), stage_states.c.stage == StageName.INDEXED_VECTORS)
                outdated = (*of_index, stage_states.c.generation < present)
                withdrawn = list(connection.scalars(delete(stage_states).where(*outdated).returning(stage_states.c.key)))
                note_as_stands(connection, AuditEvent.WITHDRAWN, withdrawn, StageName.INDEXED_VECTORS)
                connection.execute(update(table).where(table.c.key.in_(part), table.c.status.in_(_REJECTED)).values(updated=now))

    def set_content(self, key: str, generation: int, sha256: str) -> bool:
        """Note the sha256 of the bytes of this generation; False where the document has gone on to another."""
        statement = update(table).where(table.c.key == key, table.c.generation == generation, table.c.status.not_in(_GONE))
        with self._database.write() as connection:
            return connection.execute(statement.values(content_sha256=sha256, updated=datetime.now(UTC))).rowcount == 1

    def supersede(self, key: str, generation: int) -> bool:
        """Leave the document to the next look at the bucket; False where it has gone on to another generation.

        It becomes pending without an identity (no etag, size -1), so that the look finds it changed, or gone. Until then
        no batch takes it and no stage starts on it. It counts no attempt, and its batch no longer waits for it.
        """
        now = datetime.now(UTC)
        statement = update(table).where(table.c.key == key, table.c.generation == generation, table.c.status.not_in(_GONE))
        emptied = {"etag": "", "version": "", "size": UNKNOWN_SIZE, "content_sha256": None, "batch_id": None, "run_id": None}
        with self._database.write() as connection:
            values = emptied | {"status": DocumentStatus.PENDING.value, "error": _SUPERSEDED, "updated": now}
            run_id = connection.scalar(select(table.c.run_id).where(table.c.key == key))
            if connection.execute(statement.values(values)).rowcount == 0:
                return False
            note_as_stands(connection, AuditEvent.SUPERSEDED, [key], run_id=run_id)
            running = update(stage_states).where(stage_states.c.key == key, stage_states.c.status == StageStatus.RUNNING)
            connection.execute(running.values(status=StageStatus.FAILED.value, error_kind="Superseded", error=_SUPERSEDED, finished=now))
        return True
