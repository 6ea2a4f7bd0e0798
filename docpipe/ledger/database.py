"""The connection to the ledger: one engine, transactions that read, and transactions that write."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Table, create_engine, event, make_url
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError

from docpipe.errors import ConfigurationError
from docpipe.ledger.database_errors import database_errors

SLICE = 1_000
"""Keys in one statement: engines limit the variables of a statement."""

_DRIVERS = {
    "sqlite": "sqlite",
    "sqlite+pysqlite": "sqlite",
    "postgresql": "postgresql+psycopg2",
    "postgresql+psycopg2": "postgresql+psycopg2",
}

_Item = TypeVar("_Item")


class Database:
    """Safe for many threads and many processes; open it again in a process that was forked."""

    def __init__(self, url: str, wait_seconds: float) -> None:
        self.url = parse_url(url)
        milliseconds = max(1, round(wait_seconds * 1000))
        if self.is_sqlite:
            arguments: dict[str, Any] = {"timeout": wait_seconds}
        else:
            arguments = {"connect_timeout": 10, "options": f"-c lock_timeout={milliseconds} -c timezone=UTC"}
        # Parameters are left out of errors: they hold names and texts of documents.
        self.engine = create_engine(
            self.url,
            connect_args=arguments,
            hide_parameters=True,
            pool_size=8,
            max_overflow=24,
            pool_timeout=30,
            pool_pre_ping=not self.is_sqlite,
        )
        if self.is_sqlite:
            event.listen(self.engine, "connect", _prepare_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)
        self._writer = self.engine.execution_options(docpipe_writes=True)

    @property
    def is_sqlite(self) -> bool:
        return self.url.get_backend_name() == "sqlite"

    @property
    def path(self) -> Path | None:
        """The file of an SQLite ledger."""
        return Path(str(self.url.database)) if self.is_sqlite else None

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        with database_errors(), self.engine.connect() as connection:
            yield connection

    @contextlib.contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that writes: all of it or nothing.

        On SQLite it holds the one write lock from its start, so what it reads cannot change before it writes.
        """
        with database_errors(), self._writer.begin() as connection:
            yield connection

    def insert(self, table: Table) -> sqlite.Insert | postgresql.Insert:
        """An insert that knows `on_conflict_do_update`, which is the engine's own."""
        return sqlite.insert(table) if self.is_sqlite else postgresql.insert(table)


class LedgerPart:
    """A part of the ledger's interface; all of them share one database."""

    def __init__(self, database: Database) -> None:
        self._database = database


def slices(items: Iterable[_Item], size: int = SLICE) -> Iterator[Sequence[_Item]]:
    rest = iter(items)
    while part := list(islice(rest, size)):
        yield part


def parse_url(text: str) -> URL:
    """Read the URL of a ledger; the error names the variable, not the URL, which may hold a password."""
    advice = "set DOCPIPE_LEDGER to sqlite:////absolute/path.sqlite or postgresql://user:password@host/database"
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise ConfigurationError(f"The ledger's URL cannot be read: {advice}") from None
    driver = _DRIVERS.get(url.drivername)
    if driver is None:
        raise ConfigurationError(f"The ledger cannot be kept in {url.drivername!r}: {advice}")
    if driver == "sqlite" and url.database in (None, "", ":memory:"):
        raise ConfigurationError(f"The ledger must be a file that several processes can open: {advice}")
    return url.set(drivername=driver)


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # Transactions are begun by the listener below, not by the driver, which would begin them too late.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("docpipe_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
