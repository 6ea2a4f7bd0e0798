"""One writer at a time for a folder, and readers who keep what they read from being removed.

A second opening of an embedded shard, even one that fails, breaks the next flush of the first (measured with Qdrant
Edge 0.9): so the writer's lock is taken before its shard is touched at all.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from docpipe.errors import IndexLocked

_POLL_SECONDS = 0.05

_held: dict[Path, IndexLock] = {}
"""Every lock of this process: on some network file systems a process is not locked out by itself."""
_registry = threading.Lock()


class IndexLock:
    """A lock that is held until `release`; the system lets go of it when the process dies, however it dies."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor
        self.thread = threading.get_ident()

    def release(self) -> None:
        """Let go; a second call does nothing."""
        with _registry:
            if _held.pop(self._path, None) is self:
                # Unlocking, not merely closing: a forked child may still have the file open.
                fcntl.flock(self._descriptor, fcntl.LOCK_UN)
                os.close(self._descriptor)

    @property
    def descriptor(self) -> int:
        """The open file; a process that inherits it holds the lock until it ends."""
        return self._descriptor

    @property
    def is_lost(self) -> bool:
        """Whether somebody deleted the file, or put another in its place: whoever locks that one is an owner too."""
        return not _is_at(self._descriptor, self._path)

    def forget(self) -> None:
        """Close a descriptor that came with a fork, so that a child does not keep its dead parent's lock."""
        os.close(self._descriptor)


def acquire(path: Path, wait: float) -> IndexLock:
    """Take the lock, waiting up to `wait` seconds; raises `IndexLocked` with the owner's name.

    A thread that already holds it is told at once: waiting for itself would not help.
    """
    path = path.resolve()
    deadline = time.monotonic() + wait
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _registry:
            owner = _held.get(path)
            if owner is None and (lock := _try(path)) is not None:
                _held[path] = lock
                return lock
        if owner is not None and owner.thread == threading.get_ident():
            raise IndexLocked(f"the index {path.parent} is already open in this thread: close it first")
        if time.monotonic() >= deadline:
            advice = "wait until it ends, stop it, or use a Qdrant server (DOCPIPE_QDRANT_URL)"
            raise IndexLocked(f"the index {path.parent} is in use by {_owner(path)}: {advice}")
        time.sleep(_POLL_SECONDS)


def share(path: Path) -> int | None:
    """Open a file and lock it together with other readers; None where somebody has it alone. Closing it unlocks it.

    Raises `FileNotFoundError` where there is none.
    """
    return _locked(os.open(path, os.O_RDONLY | os.O_CLOEXEC), fcntl.LOCK_SH)


@contextmanager
def alone(path: Path) -> Iterator[bool]:
    """Try to lock out everybody who shares the file, which is made where it is missing; says whether that worked."""
    descriptor = _locked(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644), fcntl.LOCK_EX)
    try:
        yield descriptor is not None
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _try(path: Path) -> IndexLock | None:
    try:
        descriptor = _locked(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644), fcntl.LOCK_EX)
    except FileNotFoundError:
        return None
    if descriptor is None:
        return None
    if not _is_at(descriptor, path):
        # The folder was removed while this was waiting: a lock on a file that nobody can find keeps nobody out.
        os.close(descriptor)
        return None
    about = {"pid": os.getpid(), "host": socket.gethostname(), "since": datetime.now(UTC).isoformat(timespec="seconds")}
    # The content is for people: it must never keep the lock from being held.
    with suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(about).encode(), 0)
    return IndexLock(path, descriptor)


def _locked(descriptor: int, how: int) -> int | None:
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        return False


def _owner(path: Path) -> str:
    try:
        about = json.loads(path.read_bytes())
        return f"process {about['pid']} on {about['host']} since {about['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"


def _after_fork() -> None:
    for lock in _held.values():
        lock.forget()
    _held.clear()
    _registry.release()


os.register_at_fork(before=_registry.acquire, after_in_parent=_registry.release, after_in_child=_after_fork)
