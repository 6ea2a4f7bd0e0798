"""Allowances: what a provider permits a minute, shared by all who ask it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, extract, func, literal

from docpipe.ledger.database import LedgerPart
from docpipe.ledger.schema import allowances

LONGEST_DEBT = 600.0
"""Seconds that reservations may lie ahead of the clock. More is taken for a clock that jumped, and forgotten."""


class Allowances(LedgerPart):
    """Reserved by name, by the generic cell rate algorithm (ITU-T I.371): one number a name, one statement a reservation."""

    def take(self, name: str, amount: float, per_minute: float, burst: float) -> float:
        """Reserve `amount` and return the seconds to wait before it may be used; who waits that long need not ask again.

        `burst` may be used at once after a pause. A negative amount gives back what was reserved and not used. The clock
        is the database server's, or this machine's for SQLite. Reservations of one name are expected to agree in `per_minute`.
        """
        unit = 60.0 / per_minute
        now = self._now()
        earliest, latest = (func.max, func.min) if self._database.is_sqlite else (func.greatest, func.least)
        insert = self._database.insert(allowances).values(name=name, due=now + literal(amount * unit))
        base = latest(earliest(allowances.c.due, now), now + literal(LONGEST_DEBT))
        statement = insert.on_conflict_do_update(index_elements=["name"], set_={"due": base + literal(amount * unit)})
        with self._database.write() as connection:
            ahead = connection.scalar(statement.returning(allowances.c.due - now))
        return max(0.0, float(ahead or 0.0) - burst * unit)

    def _now(self) -> ColumnElement[Any]:
        """Seconds since 1970, asked for when the row is already held."""
        if self._database.is_sqlite:
            # unixepoch('subsec') is newer than the SQLite that Python 3.11 may come with; this is exact to a millisecond.
            return (func.julianday("now") - 2_440_587.5) * 86_400.0
        return extract("epoch", func.clock_timestamp())
