"""Vectors that were made before, kept on this machine for all processes."""

from __future__ import annotations

import hashlib
import logging
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from docpipe.embed.cache.cache_file import PAGE_BYTES, CacheTooNew, inode_of, is_damage, open_file, replace_file
from docpipe.embed.model import EmbeddingModel

AT_ONCE = 1_000
"""Keys looked up, and vectors stored, in one statement or transaction."""
PAUSE_SECONDS = 300.0
"""After the disk was full or did not answer, nothing is written for so long."""
BUSY_PAUSE_SECONDS = 15.0
"""The same, after another process wrote for longer than `BUSY_SECONDS`."""

_USE_SECONDS = 3_600
"""Resolution of the time of last use: a vector that is found all day is written to once an hour."""
_REMOVED_AT_LEAST = 100
_FREED_PAGES = 64
"""Given back to the disk at once; together with the line above it bounds what one store can cost."""
_ROW_BYTES = 80
"""Of a row beside its vector: the key, twice, and what the engine adds."""
_LENGTHS = (0.99, 1.01)
"""Of a unit vector, rounded; one of another length was not stored by this code."""

_KEEP = """
    INSERT INTO vectors (key, used, vector) VALUES (?, ?, ?)
    ON CONFLICT (key) DO UPDATE SET used = excluded.used, vector = excluded.vector
"""
_FORGET = "DELETE FROM vectors WHERE id IN (SELECT id FROM vectors ORDER BY used, id LIMIT ?)"

log = logging.getLogger(__name__)

Vectors = NDArray[np.float32]


def cache_key(model: EmbeddingModel, text: str) -> bytes:
    """32 bytes for the model and the exact text that it reads, prompt included."""
    # A lone surrogate has no vector, but it must have a key to be looked up by.
    body = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
    return hashlib.sha256(f"{model.sha256}\0{model.dimension}\0".encode() + body).digest()


class EmbeddingCache:
    """One SQLite file of half-precision vectors; the longest unused go first when it is full. Safe for threads.

    Never raises for its own sake: what cannot be read was never there, and what cannot be written is made again. Half
    precision keeps the cosine to the original above 0.999999.
    """

    def __init__(self, path: Path, largest: int) -> None:
        """`largest`: bytes that the file may grow to; its write-ahead log, 16 MB at most, comes on top."""
        self._path = path
        self._largest = largest
        self._turn = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._inode = 0
        self._silent_until = 0.0

    def find(self, keys: Sequence[bytes], dimension: int) -> tuple[Vectors, NDArray[np.bool_]]:
        """Vectors of unit length, (keys, dimension), and which of them were there; the other rows mean nothing."""
        vectors = np.zeros((len(keys), dimension), dtype=np.float32)
        found = np.zeros(len(keys), dtype=np.bool_)
        for start in range(0, len(keys), AT_ONCE):
            part = slice(start, start + AT_ONCE)
            with self._turn, self._tolerant("read"):
                # Nothing counts as found that was read before an error.
                found[part] = self._find(keys[part], vectors[part])
        with np.errstate(over="ignore", invalid="ignore"):
            lengths = np.linalg.norm(vectors, axis=1)
            found &= (lengths > _LENGTHS[0]) & (lengths < _LENGTHS[1])
            vectors[found] /= lengths[found, np.newaxis]
        return vectors, found

    def keep(self, keys: Sequence[bytes], vectors: Vectors) -> Vectors:
        """Store unit vectors, (keys, dimension), and return them as they will be found.

        Whoever uses these has the same vector the first time and every time after.
        """
        halves = np.ascontiguousarray(vectors, dtype="<f2")
        for start in range(0, len(keys), AT_ONCE):
            with self._turn, self._tolerant("written to"):
                self._keep(keys[start : start + AT_ONCE], halves[start : start + AT_ONCE])
        rounded = halves.astype(np.float32)
        rounded /= np.linalg.norm(rounded, axis=1)[:, np.newaxis]
        return rounded

    def close(self) -> None:
        """Let go of the file; a cache that is used again opens it again."""
        with self._turn:
            self._let_go()

    def _file(self) -> sqlite3.Connection | None:
        """The open file; None for a while after it could not be opened."""
        if self._connection is not None and inode_of(self._path) != self._inode:
            # Another process set it aside, or somebody deleted it.
            self._let_go()
        if self._connection is None and time.monotonic() >= self._silent_until:
            self._connection = open_file(self._path)
            self._inode = inode_of(self._path)
        return self._connection

    def _let_go(self) -> None:
        with suppress(sqlite3.Error):
            if self._connection is not None:
                self._connection.close()
        self._connection = None

    def _find(self, keys: Sequence[bytes], vectors: Vectors) -> NDArray[np.bool_]:
        found = np.zeros(len(keys), dtype=np.bool_)
        file = self._file()
        if file is None:
            return found
        places = {key: place for place, key in enumerate(keys)}
        now, size = _now(), vectors.shape[1] * 2
        old: list[tuple[int, int]] = []
        query = f"SELECT id, key, used, vector FROM vectors WHERE key IN ({','.join('?' * len(places))})"  # noqa: S608 - question marks
        for number, key, used, blob in file.execute(query, list(places)):
            if isinstance(blob, bytes) and len(blob) == size:
                vectors[places[key]] = np.frombuffer(blob, dtype="<f2")
                found[places[key]] = True
                if used < now:
                    old.append((now, number))
        if old and time.monotonic() >= self._silent_until:
            with self._tolerant("written to"), _transaction(file):
                file.executemany("UPDATE vectors SET used = ? WHERE id = ?", old)
        return found

    def _keep(self, keys: Sequence[bytes], halves: NDArray[np.float16]) -> None:
        if time.monotonic() < self._silent_until:
            return
        file = self._file()
        if file is None:
            return
        now, most = _now(), self._largest // PAGE_BYTES
        with _transaction(file):
            file.executemany(_KEEP, [(key, now, half.tobytes()) for key, half in zip(keys, halves, strict=True)])
            excess = _pragma(file, "page_count") - _pragma(file, "freelist_count") - most
            if excess > 0:
                rows = excess * PAGE_BYTES // (halves.shape[1] * 2 + _ROW_BYTES) + 1
                # Twice of what came in: a limit that was lowered is reached in small steps.
                file.execute(_FORGET, (min(rows, max(_REMOVED_AT_LEAST, 2 * len(keys))),))
        if _pragma(file, "page_count") > most:
            # Step by step to its end, which `execute` would leave after the first page.
            file.executescript(f"PRAGMA incremental_vacuum({_FREED_PAGES})")

    @contextmanager
    def _tolerant(self, done: str) -> Iterator[None]:
        """Nothing that happens to the cache happens to those who use it."""
        try:
            yield
        except (sqlite3.Error, OSError, CacheTooNew) as error:
            if isinstance(error, sqlite3.Error) and is_damage(error) and self._connection is not None:
                self._begin_anew()
            elif isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY:
                # A process that hangs while it writes would cost every later query the same wait.
                self._silent_until = time.monotonic() + BUSY_PAUSE_SECONDS
                log.info("the embedding cache is in use by another process: some vectors were not kept")
            elif time.monotonic() >= self._silent_until:
                self._silent_until = time.monotonic() + PAUSE_SECONDS
                log.warning(
                    "the embedding cache %s cannot be %s (%s): check the disk; the work goes on without it", self._path, done, error
                )

    def _begin_anew(self) -> None:
        self._let_go()
        with self._tolerant("begun anew"):
            self._connection = replace_file(self._path, self._inode)
            self._inode = inode_of(self._path)


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # A full disk may have rolled it back already.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _pragma(file: sqlite3.Connection, name: str) -> int:
    return int(file.execute(f"PRAGMA {name}").fetchone()[0])


def _now() -> int:
    return int(time.time()) // _USE_SECONDS
