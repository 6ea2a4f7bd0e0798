"""The whole ledger in numbers, which the database's triggers keep up to date: see `docpipe.ledger.migrations.triggers`."""

from __future__ import annotations

from sqlalchemy import Connection, func, select, text

from docpipe.ledger.database import LedgerPart
from docpipe.ledger.records import StageTotal, Summary
from docpipe.ledger.schema import totals
from docpipe.models import DocumentStatus, StageName, StageStatus

MANY_ROWS = 2_000
"""From here on the rows of connections that are closed are added up: each leaves about twenty behind."""
_FOLD = text(
    """
    WITH gone AS (
      DELETE FROM totals WHERE shard <> 0 AND shard NOT IN (SELECT pid FROM pg_stat_activity) RETURNING stage, status, documents, seconds
    )
    INSERT INTO totals AS t (shard, stage, status, documents, seconds)
    SELECT 0, stage, status, sum(documents), sum(seconds) FROM gone GROUP BY stage, status
    ON CONFLICT (shard, stage, status) DO UPDATE SET documents = t.documents + excluded.documents, seconds = t.seconds + excluded.seconds
    """
)
_FOLD_LOCK = 7_016_996_765_293_437_282
"""Any number will do that nobody else in the database uses."""


class Totals(LedgerPart):
    """Documents and stage states by status, however many there are."""

    def summary(self) -> Summary:
        """Count documents and stage states by their status; reads a few rows."""
        columns = (totals.c.stage, totals.c.status)
        query = select(*columns, func.sum(totals.c.documents), func.sum(totals.c.seconds), func.count()).group_by(*columns)
        with self._database.read() as connection:
            rows = [(stage, status, int(number), seconds, count) for stage, status, number, seconds, count in connection.execute(query)]
        if not self._database.is_sqlite and sum(count for *_, count in rows) > MANY_ROWS:
            with self._database.write() as connection:
                _fold(connection)
        documents = {DocumentStatus(status): number for stage, status, number, _, _ in rows if not stage and number}
        stages = {
            # Sums of floats that came and went may end a hair beside zero.
            (StageName(stage), StageStatus(status)): StageTotal(number, max(0.0, round(seconds, 6)))
            for stage, status, number, seconds, _ in rows
            if stage and number
        }
        return Summary(documents, stages)


def _fold(connection: Connection) -> None:
    """Add up the rows of connections that are closed; on SQLite all share the rows of shard 0."""
    if connection.scalar(text("SELECT pg_try_advisory_xact_lock(:number)"), {"number": _FOLD_LOCK}):
        connection.execute(_FOLD)
