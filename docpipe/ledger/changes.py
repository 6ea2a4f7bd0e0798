"""What has changed lately, and which runs somebody may still ask for: read by whoever cleans up."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import or_, select

from docpipe.ledger.database import LedgerPart
from docpipe.ledger.schema import batches, documents, stage_states
from docpipe.models import IN_FLIGHT, DocumentStatus


class Changes(LedgerPart):
    """Read only."""

    def changed_since(self, moment: datetime) -> list[str]:
        """Return the documents that changed at or after a moment, or are in a batch now."""
        # All statuses are named, so that the index by status and age serves.
        changed = documents.c.status.in_(list(DocumentStatus)) & (documents.c.updated >= moment)
        query = select(documents.c.key).where(or_(documents.c.status.in_(IN_FLIGHT), changed))
        with self._database.read() as connection:
            return list(connection.scalars(query))

    def runs_behind(self) -> set[str]:
        """Return the runs that were the last to take some document through some stage, or have one in hand; reads both tables once."""
        found: set[str] = set()
        with self._database.read() as connection:
            for table in (stage_states, documents):
                found.update(connection.scalars(select(table.c.run_id).where(table.c.run_id.is_not(None)).distinct()))
        return found

    def open_batch_ids(self) -> set[str]:
        """Return the batches that the sensor has still to settle, by their runs."""
        with self._database.read() as connection:
            return set(connection.scalars(select(batches.c.batch_id).where(batches.c.closed.is_(None))))
