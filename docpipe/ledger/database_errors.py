"""What an error of the database means for the pipeline."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from docpipe.errors import ConfigurationError, DocpipeError, TransientError

_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_UNUSABLE = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM)
# https://www.postgresql.org/docs/current/errcodes-appendix.html
_NOT_PERMITTED = "42501"
_DISK_FULL = "53100"
_LOCK_NOT_AVAILABLE = "55P03"
_PASSING = ("08", "40", "53", "55", "57")


@contextlib.contextmanager
def database_errors() -> Iterator[None]:
    """Turn the errors that a database can have on its own into the pipeline's; a wrong statement stays as it is."""
    try:
        yield
    except PoolTimeoutError as error:
        raise TransientError("Every connection to the ledger is in use: run fewer threads, or try again") from error
    except DBAPIError as error:
        known = _sqlite(error.orig) if isinstance(error.orig, sqlite3.Error) else _postgres(error)
        if known is None:
            raise
        raise known from error
    except sqlite3.Error as error:
        # From the driver itself, outside of any statement of SQLAlchemy.
        known = _sqlite(error)
        if known is None:
            raise
        raise known from error


def _sqlite(error: sqlite3.Error) -> DocpipeError | None:
    # The low byte is the error, the rest details of it.
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in _BUSY:
        return TransientError("Another process holds the ledger's write lock: try again, and look for a process that hangs or a backup")
    if code == sqlite3.SQLITE_FULL:
        return ConfigurationError("There is no room for the ledger: free space on the disk of DOCPIPE_HOME and run again")
    if code in _DAMAGED:
        return ConfigurationError(
            "The ledger is damaged or no SQLite file: restore it, or move it away to have it built from the bucket again"
        )
    if code in _UNUSABLE:
        return ConfigurationError(
            "The ledger cannot be opened for writing: check DOCPIPE_LEDGER and the permissions of the file and its folder"
        )
    if code == sqlite3.SQLITE_IOERR:
        return TransientError("The disk of the ledger did not answer as it should: look at the disk or the mount, then try again")
    return None


def _postgres(error: DBAPIError) -> DocpipeError | None:
    code = getattr(error.orig, "pgcode", None)
    if code == _LOCK_NOT_AVAILABLE:
        return TransientError("Another process holds a lock on the ledger: try again, and look for a session that hangs or a backup")
    if code == _DISK_FULL:
        return ConfigurationError("There is no room for the ledger: free space on the database server and run again")
    if code == _NOT_PERMITTED:
        return ConfigurationError("The ledger's user lacks a permission: let it create and use tables in the database of DOCPIPE_LEDGER")
    if code is None and isinstance(error, OperationalError | InterfaceError):
        return TransientError("The ledger's database cannot be reached: check DOCPIPE_LEDGER (host, name, user, password) and the server")
    if code is not None and code.startswith(_PASSING):
        return TransientError(f"The ledger's database cannot serve now (SQLSTATE {code}): try again")
    return None
