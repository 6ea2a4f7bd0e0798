"""What the sensor does: compare the ledger with the bucket, and take note of what came, changed and went."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, and_, bindparam, delete, not_, select, update

from docpipe.ledger.attachments import have_attachments_looked_at
from docpipe.ledger.audit import AuditEvent, note, note_as_stands
from docpipe.ledger.database import LedgerPart, slices
from docpipe.ledger.quarantine import end_unheld
from docpipe.ledger.records import Arrival, KnownObject
from docpipe.ledger.rows import document_of
from docpipe.ledger.schema import documents, stage_states
from docpipe.ledger.stored_text import stored_error, stored_text
from docpipe.models import IN_FLIGHT, Document, DocumentStatus

_PAGE = 5_000


class Sensing(LedgerPart):
    """Arrivals, changes and departures of objects."""

    def known(self, after: str = "") -> Iterator[KnownObject]:
        """Yield every document of the bucket that is not deleted, in order of the UTF-8 bytes of the object key, as `Bucket.list` does.

        Attachments are not among them: no bucket lists them.
        """
        columns = (documents.c.key, documents.c.object_key, documents.c.etag, documents.c.size, documents.c.version, documents.c.status)
        while True:
            objects = (documents.c.object_key > after, documents.c.parent.is_(None))
            query = select(*columns).where(*objects).order_by(documents.c.object_key).limit(_PAGE)
            with self._database.read() as connection:
                rows = connection.execute(query).all()
            for key, object_key, etag, size, version, status in rows:
                if status != DocumentStatus.DELETED:
                    yield KnownObject(key, object_key, (etag, size, version), DocumentStatus(status))
            if len(rows) < _PAGE:
                return
            after = rows[-1].object_key

    def register(self, arrivals: Sequence[Arrival]) -> list[Document]:
        """Take note of objects and attachments that are new or look changed; returns the documents that are now pending or refused.

        A new object is generation 1; one that changed, or came back after it was deleted, is the next generation, with
        nothing kept of the last but the stage states, whose own generation tells. Left alone, and not returned: documents
        in flight (a later look finds the change again) and those whose identity is the known one. All or nothing.
        """
        arriving = {arrival.info.key: arrival for arrival in arrivals}
        now = datetime.now(UTC)
        with self._database.write() as connection:
            known: dict[str, Any] = {}
            for part in slices(sorted(arriving)):
                columns = (
                    documents.c.key,
                    documents.c.object_key,
                    documents.c.etag,
                    documents.c.size,
                    documents.c.version,
                    documents.c.status,
                )
                # Locked in one order by everybody, so that two sensors wait for each other and never in a circle.
                query = select(*columns).where(documents.c.object_key.in_(part)).order_by(documents.c.object_key).with_for_update()
                known.update((row.object_key, row) for row in connection.execute(query))
            new = [
                _values(arriving[key], now) | {"key": arriving[key].key, "generation": 1, "first_seen": now}
                for key in sorted(arriving.keys() - known.keys())
            ]
            changed = [_values(arriving[key], now) | {"known": key} for key, row in known.items() if _changed(row, arriving[key])]
            touched = [values["known"] for values in changed]
            if new:
                # Another sensor may have inserted the same meanwhile; then that one's stands.
                insert = self._database.insert(documents).on_conflict_do_nothing().returning(documents.c.object_key)
                touched.extend(connection.scalars(insert, new))
            if changed:
                end_unheld(connection, [known[values["known"]].key for values in changed])
                statement = update(documents).where(documents.c.object_key == bindparam("known"))
                connection.execute(statement.values(generation=documents.c.generation + 1), changed)
                have_attachments_looked_at(
                    connection, [known[values["known"]].key for values in changed if values["status"] == DocumentStatus.REFUSED]
                )
            found: dict[str, Document] = {}
            for part in slices(touched):
                rows = connection.execute(select(documents).where(documents.c.object_key.in_(part))).mappings()
                found.update((row["object_key"], document_of(row)) for row in rows)
            _note_arrivals(connection, found.values(), known)
        return [found[key] for key in arriving if key in found]

    def mark_gone(self, keys: Iterable[str]) -> list[str]:
        """Mark documents whose objects are gone as deleting, and return those now marked.

        Not those in a batch (a later look finds them gone again), nor those that are deleting or deleted already:
        `list_documents(DocumentStatus.DELETING)` has the ones whose deletion was begun and cut off. Nor those that were quarantined
        while the look went on: their objects are gone by rights. Attachments have none, and go with what they came in.
        """
        kept = (*IN_FLIGHT, DocumentStatus.DELETED)
        held = and_(documents.c.status == DocumentStatus.QUARANTINED, documents.c.parent.is_(None))
        leaving = and_(documents.c.status.not_in(kept), not_(held))
        return self._move(keys, leaving, {"status": DocumentStatus.DELETING.value}, AuditEvent.DELETING)

    def tombstone(self, keys: Iterable[str]) -> list[str]:
        """Mark deleting documents as deleted and drop their stage states; return those now marked."""
        values = {"status": DocumentStatus.DELETED.value, "batch_id": None, "run_id": None, "error": None}
        return self._move(keys, documents.c.status == DocumentStatus.DELETING, values, AuditEvent.DELETED, drop_states=True)

    def _move(
        self, keys: Iterable[str], condition: Any, values: Mapping[str, object], event: AuditEvent, *, drop_states: bool = False
    ) -> list[str]:
        moved: list[str] = []
        with self._database.write() as connection:
            for part in slices(sorted(set(keys))):
                query = select(documents.c.key).where(documents.c.key.in_(part), condition).order_by(documents.c.key).with_for_update()
                found = list(connection.scalars(query))
                if not found:
                    continue
                connection.execute(update(documents).where(documents.c.key.in_(found)).values(**values, updated=datetime.now(UTC)))
                have_attachments_looked_at(connection, found)
                if drop_states:
                    connection.execute(delete(stage_states).where(stage_states.c.key.in_(found)))
                    end_unheld(connection, found)
                note_as_stands(connection, event, found)
                moved.extend(found)
        return moved


def _note_arrivals(connection: Connection, arrived: Iterable[Document], known: Mapping[str, Any]) -> None:
    entries: defaultdict[AuditEvent, list[dict[str, Any]]] = defaultdict(list)
    for document in arrived:
        row = known.get(document.object_key)
        event = AuditEvent.REGISTERED if row is None or row.status == DocumentStatus.DELETED else AuditEvent.CHANGED
        entry = {"key": document.key, "generation": document.generation, "status": document.status.value, "error": document.error}
        entries[AuditEvent.REFUSED if document.status is DocumentStatus.REFUSED else event].append(entry)
    for event, rows in entries.items():
        note(connection, event, rows)


def _values(arrival: Arrival, now: datetime) -> dict[str, Any]:
    info = arrival.info
    refused = arrival.refusal is not None
    return {
        "object_key": info.key,
        "media_type": stored_text(arrival.media_type),
        "size": info.size,
        "etag": info.etag,
        "version": info.version,
        "modified": info.modified,
        "status": (DocumentStatus.REFUSED if refused else DocumentStatus.PENDING).value,
        "content_sha256": info.etag if arrival.parent else None,
        "batch_id": None,
        "run_id": None,
        "attempts": 0,
        "error": stored_error(arrival.refusal) if arrival.refusal is not None else None,
        "pages_estimate": arrival.pages_estimate,
        "priority": arrival.priority,
        "not_before": None,
        "updated": now,
        "parent": arrival.parent,
        "parent_fingerprint": arrival.parent_fingerprint,
    }


def _changed(row: Any, arrival: Arrival) -> bool:
    if row.status in IN_FLIGHT:
        return False
    return row.status == DocumentStatus.DELETED or (row.etag, row.size, row.version) != arrival.info.identity
