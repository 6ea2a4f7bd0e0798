"""The file of the embedding cache: opened, made, and set aside where it is damaged."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

VERSION = 1
PAGE_BYTES = 16_384
"""A page holds 20 vectors of 384 dimensions; measured with a million of them in `benchmarks/embed_cache.py`."""
BUSY_SECONDS = 2.0
"""Longest wait for another process that writes: what cannot be kept then is made again some day."""

_DAMAGED = ".damaged"
_TABLES = (
    "CREATE TABLE IF NOT EXISTS vectors (id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, used INTEGER NOT NULL, vector BLOB NOT NULL)",
    "CREATE INDEX IF NOT EXISTS vectors_by_use ON vectors (used)",
)

log = logging.getLogger(__name__)


class CacheTooNew(Exception):
    """The file was made by a newer version of the product, which shall keep it."""


def open_file(path: Path) -> sqlite3.Connection:
    """Open the cache, or make it; one that cannot be read is set aside.

    Raises `sqlite3.Error` or `OSError` where the folder cannot be written to, `CacheTooNew`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with _alone(path):
        try:
            return _connect(path)
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
            _set_aside(path)
            return _connect(path)


def replace_file(path: Path, inode: int) -> sqlite3.Connection:
    """Set a damaged cache aside and begin a new one, unless another process has done so since this one opened `inode`."""
    with _alone(path):
        if inode_of(path) == inode:
            _set_aside(path)
        return _connect(path)


def is_damage(error: sqlite3.Error) -> bool:
    # The low byte is the error, the rest details of it.
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def inode_of(path: Path) -> int:
    """Tells a file from its successor at the same path; 0 where there is none."""
    try:
        return path.stat().st_ino
    except OSError:
        return 0


def _connect(path: Path) -> sqlite3.Connection:
    # Used by one thread at a time, which need not be the one that opened it. Transactions are begun where they are meant.
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        # The first two count only while there is no table yet.
        for pragma in (f"page_size={PAGE_BYTES}", "auto_vacuum=INCREMENTAL", "journal_mode=WAL", "synchronous=NORMAL"):
            connection.execute(f"PRAGMA {pragma}").fetchall()
        connection.execute(f"PRAGMA journal_size_limit={1_000 * PAGE_BYTES}").fetchall()
        _check_version(connection)
        for table in _TABLES:
            connection.execute(table)
        connection.execute(f"PRAGMA user_version={VERSION}")
    except BaseException:
        connection.close()
        raise
    return connection


def _check_version(connection: sqlite3.Connection) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > VERSION:
        raise CacheTooNew("a newer docpipe made it")


def _set_aside(path: Path) -> None:
    # A log that is left behind would be replayed into the new file, so it goes first.
    for suffix in ("-wal", "-shm", ""):
        found = path.with_name(path.name + suffix)
        with contextlib.suppress(FileNotFoundError):
            found.replace(path.with_name(path.name + _DAMAGED + suffix))
    log.warning("the embedding cache %s is damaged: it was set aside as %s%s, and a new one is begun", path, path.name, _DAMAGED)


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One process at a time opens, makes or replaces the file; a process that hangs is not waited for."""
    descriptor = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        deadline = time.monotonic() + BUSY_SECONDS
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise
                time.sleep(0.01)
        yield
    finally:
        os.close(descriptor)
