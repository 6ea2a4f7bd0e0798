"""Documents that lie in other documents: which of these have to be looked at, and what is known of their attachments.

A document is due from the moment its parsed artifact is stored, or it is refused or goes, until its attachments are
registered as that artifact lists them. Whoever is killed in between leaves it due, so the next look makes it good.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from sqlalchemy import Connection, and_, exists, false, literal_column, select, true, union, update

from docpipe.ledger.database import LedgerPart, slices
from docpipe.ledger.rows import document_of
from docpipe.ledger.schema import UNKNOWN_SIZE, documents, stage_states
from docpipe.models import Document, DocumentStatus, StageName, StageStatus

ATTACHMENTS = "attachments"
"""Among the counts of a parsed document."""
WITHOUT_CONTENT = (DocumentStatus.REFUSED, DocumentStatus.QUARANTINED, DocumentStatus.DELETING, DocumentStatus.DELETED)
"""Whatever was once read of them counts no more."""
_GONE = (DocumentStatus.DELETING, DocumentStatus.DELETED)

_child = documents.alias("child")
_HAS_CHILDREN = exists().where(_child.c.parent == documents.c.key, _child.c.status != DocumentStatus.DELETED)


def have_attachments_looked_at(connection: Connection, keys: Sequence[str], *, new: bool = False) -> None:
    """Make those of the documents due that have attachments; `new`: all of them, since they have some that nobody knows yet."""
    if keys:
        condition = true() if new else _HAS_CHILDREN
        connection.execute(update(documents).where(documents.c.key.in_(keys), condition).values(attachments_due=True))


class Attachments(LedgerPart):
    """Attachments by their parents."""

    def due(self, after: str = "", limit: int = 100) -> list[Document]:
        """Return documents whose attachments have to be looked at, from behind `after`, in order of the partition key.

        Those too of which an attachment was superseded, or shall be admitted anew: it has no identity until somebody looks.
        """
        marked = select(_child.c.key).where(_child.c.attachments_due, _child.c.key > after)
        # Not a parameter: then the small index that holds these alone could not be chosen.
        unknown = _child.c.size == literal_column(str(UNKNOWN_SIZE))
        without_identity = select(_child.c.parent).where(_child.c.parent.is_not(None), unknown, _child.c.parent > after)
        query = select(documents).where(documents.c.key.in_(union(marked, without_identity))).order_by(documents.c.key).limit(limit)
        with self._database.read() as connection:
            return [document_of(row) for row in connection.execute(query).mappings()]

    def attachments(self, keys: Iterable[str]) -> dict[str, list[Document]]:
        """Return the attachments that are not deleted, by the partition key of the document they lie in, in order of the object key."""
        found: dict[str, list[Document]] = {}
        with self._database.read() as connection:
            for part in slices(keys):
                alive = (documents.c.parent.in_(part), documents.c.status != DocumentStatus.DELETED)
                for row in connection.execute(select(documents).where(*alive).order_by(documents.c.object_key)).mappings():
                    found.setdefault(row["parent"], []).append(document_of(row))
        return found

    def look_again(self, keys: Iterable[str]) -> None:
        """Make documents due, whatever is known of their attachments."""
        with self._database.write() as connection:
            for part in slices(sorted(set(keys))):
                have_attachments_looked_at(connection, part, new=True)

    def settle_attachments(self, key: str, fingerprint: str | None, listed: Mapping[str, str]) -> bool:
        """Note that a document's attachments are registered as its parsed artifact lists them.

        `listed` is sha256 by object key; `fingerprint` is the artifact's, None for a document that has none by rights.
        False, and the document stays due, where the artifact is another by now or an attachment in a batch has to wait.
        """
        now = datetime.now(UTC)
        with self._database.write() as connection:
            # Whoever completes the parsing of the document waits here, and then makes it due again.
            status = connection.scalar(select(documents.c.status).where(documents.c.key == key).with_for_update())
            if fingerprint != (None if status in WITHOUT_CONTENT else _parsed(connection, key)):
                return False
            alive = (documents.c.parent == key, documents.c.status.not_in(_GONE))
            columns = (documents.c.object_key, documents.c.etag, documents.c.size)
            found = {row.object_key: row for row in connection.execute(select(*columns).where(*alive))}
            if fingerprint is not None:
                moved = and_(*alive, documents.c.object_key.in_(list(listed)), documents.c.parent_fingerprint.is_distinct_from(fingerprint))
                connection.execute(update(documents).where(moved).values(parent_fingerprint=fingerprint, updated=now))
            if {name: row.etag for name, row in found.items()} != listed:
                return False
            connection.execute(update(documents).where(documents.c.key == key).values(attachments_due=false()))
        return True


def _parsed(connection: Connection, key: str) -> str | None:
    """The fingerprint of the document's parsed artifact; None where it is not complete in the present generation."""
    first = (stage_states.c.key == key, stage_states.c.stage == StageName.PARSED_PAGES, stage_states.c.status == StageStatus.COMPLETE)
    present = stage_states.c.generation == documents.c.generation
    query = select(stage_states.c.fingerprint).join(documents, documents.c.key == stage_states.c.key).where(*first, present)
    found = connection.scalar(query)
    return None if found is None else str(found)
