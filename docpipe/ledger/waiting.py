"""The queries for what waits: each reads an index, however many documents are indexed, rest or are held."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Connection, TextClause, and_, bindparam, literal_column, select, text

from docpipe.ledger.records import PendingDocument
from docpipe.ledger.schema import UNKNOWN_SIZE, UtcDateTime, documents
from docpipe.models import DocumentStatus
from docpipe.waiting_line import HIGHEST, LOWEST, place

# Written out, not given as a parameter: only so does SQLite see that an index of the waiting ones will do.
PENDING = documents.c.status == literal_column(f"'{DocumentStatus.PENDING.value}'")
READY = and_(PENDING, documents.c.not_before.is_(None), documents.c.size != UNKNOWN_SIZE)

_COLUMNS = tuple(documents.c[name] for name in ("key", "size", "pages_estimate", "attempts", "priority", "updated"))
# SQLite has to be told the index: without statistics it takes the one by status, and reads and sorts all that is pending.
_NEXT_PRIORITY = """
    SELECT priority FROM documents {index} WHERE status = 'pending' AND not_before IS NULL AND priority < :level
    ORDER BY priority DESC LIMIT 1
"""
_RESTED = """
    SELECT key, size, pages_estimate, attempts, priority, updated FROM documents {index}
    WHERE status = 'pending' AND not_before IS NOT NULL AND not_before <= :now AND size != :unknown_size
        AND priority BETWEEN :lowest AND :highest
    ORDER BY not_before, key LIMIT :most
"""
_OLDEST = """
    SELECT updated FROM documents {index} WHERE status = 'pending' AND not_before IS NULL AND priority = :level ORDER BY updated LIMIT 1
"""
_FIRST_RESTED = """
    SELECT not_before FROM documents {index} WHERE status = 'pending' AND not_before IS NOT NULL AND not_before <= :now
    ORDER BY not_before LIMIT 1
"""
_RESTING = "SELECT count(*) FROM documents {index} WHERE status = 'pending' AND not_before IS NOT NULL AND not_before > :now"


def levels(connection: Connection, lowest: int, highest: int) -> Iterator[int]:
    """The priorities that somebody waits with, highest first: one step through an index for each."""
    query = _by(connection, "documents_waiting", _NEXT_PRIORITY)
    level = highest + 1
    while (found := connection.scalar(query, {"level": level})) is not None and found >= lowest:
        yield found
        level = found


def waiting_at(connection: Connection, priority: int, limit: int) -> list[PendingDocument]:
    """Those of one priority, in line."""
    query = select(*_COLUMNS).where(READY, documents.c.priority == priority).order_by(documents.c.updated, documents.c.key)
    return [PendingDocument(*row) for row in connection.execute(query.limit(limit))]


def rested(connection: Connection, lowest: int, highest: int, now: datetime, limit: int) -> list[PendingDocument]:
    """Those that had to rest until a time that has come, in line."""
    query = _by(connection, "documents_resting", _RESTED).bindparams(bindparam("now", type_=UtcDateTime()))
    given = {"now": now, "unknown_size": UNKNOWN_SIZE, "lowest": lowest, "highest": highest, "most": limit}
    return sorted((PendingDocument(*row) for row in connection.execute(query.columns(*_COLUMNS), given)), key=place)


def resting(connection: Connection, now: datetime) -> int:
    """How many may not go yet: they wait for a budget, for the end of an outage, or for somebody who resumes them."""
    query = _by(connection, "documents_resting", _RESTING).bindparams(bindparam("now", type_=UtcDateTime()))
    return int(connection.scalar(query, {"now": now}) or 0)


def oldest(connection: Connection, now: datetime) -> datetime | None:
    """Since when the one that may go has waited for longest; one that rested, since its rest was over."""
    by_age = _by(connection, "documents_waiting", _OLDEST).columns(documents.c.updated)
    after_rest = _by(connection, "documents_resting", _FIRST_RESTED).bindparams(bindparam("now", type_=UtcDateTime()))
    moments = [connection.scalar(by_age, {"level": level}) for level in levels(connection, LOWEST, HIGHEST)]
    moments.append(connection.scalar(after_rest.columns(documents.c.not_before), {"now": now}))
    return min((moment for moment in moments if moment), default=None)


def _by(connection: Connection, index: str, query: str) -> TextClause:
    return text(query.format(index=f"INDEXED BY {index}" if connection.dialect.name == "sqlite" else ""))
