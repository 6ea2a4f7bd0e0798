"""Leases: one holder at a time for what must not be done twice at once, such as looking at the bucket."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, delete, func, or_, select

from docpipe.ledger.database import LedgerPart
from docpipe.ledger.schema import leases

LONGEST = timedelta(hours=1)
"""No lease is taken for longer; one that seems to hold for longer was taken before a clock was set back."""


class Leases(LedgerPart):
    """Held by name; one that its holder neither released nor renewed in time can be taken over.

    Expiry is judged by one clock for all: that of the Postgres server, or of the machine that SQLite's file lies on. Where it
    jumps ahead, every lease expires at once and is taken anew with the next beat; where it is set back, a lease holds for up to
    `LONGEST` more, or not at all.
    """

    def acquire(self, name: str, owner: str, seconds: float) -> bool:
        """Take or renew a lease for `seconds`; False while another owner holds it. Every process needs an owner of its own.

        Forgets the expired leases of all names, since nobody takes the lease of a run over.
        """
        with self._database.write() as connection:
            now = _now(connection)
            insert = self._database.insert(leases).values(name=name, owner=owner, expires=now + timedelta(seconds=seconds))
            free = or_(leases.c.owner == owner, leases.c.expires <= now, leases.c.expires > now + LONGEST)
            taken = {"owner": insert.excluded.owner, "expires": insert.excluded.expires}
            statement = insert.on_conflict_do_update(index_elements=["name"], set_=taken, where=free).returning(leases.c.owner)
            # Rows that another process is about to take or to forget are left to it: two of them never wait for each other.
            expired = select(leases.c.name).where(leases.c.expires <= now, leases.c.name != name).with_for_update(skip_locked=True)
            held = connection.scalar(statement) == owner
            connection.execute(delete(leases).where(leases.c.name.in_(expired)))
        return held

    def release(self, name: str, owner: str) -> bool:
        """Let a lease go; False where it was not, or no longer, the owner's."""
        with self._database.write() as connection:
            return connection.execute(delete(leases).where(leases.c.name == name, leases.c.owner == owner)).rowcount == 1

    def is_held(self, name: str) -> bool:
        """Whether anybody holds the lease now."""
        with self._database.read() as connection:
            now = _now(connection)
            held = select(leases.c.owner).where(leases.c.name == name, leases.c.expires.between(now, now + LONGEST))
            return connection.scalar(held) is not None

    def lease_end(self, name: str) -> datetime | None:
        """When a lease ends unless it is renewed, or ended; None where there is none. Each renewal moves it."""
        with self._database.read() as connection:
            end: datetime | None = connection.scalar(select(leases.c.expires).where(leases.c.name == name))
            return end

    @contextlib.contextmanager
    def lease(self, name: str, owner: str, seconds: float) -> Iterator[bool]:
        """Hold a lease for the length of a block; the value says whether it is held."""
        held = self.acquire(name, owner, seconds)
        try:
            yield held
        finally:
            if held:
                self.release(name, owner)


def _now(connection: Connection) -> datetime:
    """By the clock that all who share the ledger can see."""
    if connection.dialect.name == "sqlite":
        return datetime.now(UTC)
    moment: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
    return moment
