"""Brings a ledger to the schema of this code, whichever process comes first."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from docpipe.errors import ConfigurationError, LedgerTooNew
from docpipe.ledger.database import Database
from docpipe.ledger.database_errors import database_errors
from docpipe.ledger.schema import REVISION

_MIGRATIONS = Path(__file__).parent / "migrations"
_ADVISORY_LOCK = 7_016_996_765_293_437_281
"""Any number will do that nobody else in the database uses."""


def migrate(database: Database) -> None:
    """Make or upgrade the tables; `LedgerTooNew` where a newer version of the product has done so already."""
    with database.read() as connection:
        if _revision(connection) == REVISION:
            return
    with _setup_lock(database), database.write() as connection:
        if not database.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _ADVISORY_LOCK})
            if connection.scalar(text("SHOW server_encoding")) != "UTF8":
                raise ConfigurationError("The ledger's database does not store UTF-8: create it with ENCODING 'UTF8'")
        revision = _revision(connection)
        if revision != REVISION:
            _upgrade(connection, revision)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return None if found is None else str(found)


def _upgrade(connection: Connection, revision: str | None) -> None:
    # Only a ledger that is not up to date pays for loading alembic.
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    config = Config()
    # The file format behind this takes % for the start of a variable.
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    try:
        ScriptDirectory.from_config(config).get_revision(revision or "base")
    except CommandError:
        advice = "run that version or a newer one, or set DOCPIPE_LEDGER to another ledger"
        raise LedgerTooNew(f"The ledger has schema {revision!r}, made by a newer version of docpipe: {advice}") from None
    command.upgrade(config, "head")


@contextlib.contextmanager
def _setup_lock(database: Database) -> Iterator[None]:
    """Let one process at a time set up an SQLite file: switching to WAL does not wait for locks as statements do."""
    if database.path is None:
        yield
        return
    with database_errors(), database.path.with_name(f"{database.path.name}.setup").open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with contextlib.closing(database.engine.raw_connection()) as connection:
            connection.cursor().execute("PRAGMA journal_mode=WAL")
        yield
