"""One owner at a time for a folder.

A second opening of an embedded shard, even one that fails, breaks the next flush of the first (measured with Qdrant
Edge 0.9): so this lock is taken before the shard is touched at all.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import threading
import time
from contextlib import suppress
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

    def forget(self) -> None:
        """Close a descriptor that came with a fork, so that a child does not keep its dead parent's lock."""
        os.close(self._descriptor)


def acquire(path: Path, wait: float) -> IndexLock:
    """Take the lock, waiting up to `wait` seconds; raises `IndexLocked` with the owner's name.

    A thread that already holds it is told at once: waiting for itself would not help.
    """
    path = path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + wait
    while True:
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


def _try(path: Path) -> IndexLock | None:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except OSError:
        os.close(descriptor)
        raise
    about = {"pid": os.getpid(), "host": socket.gethostname(), "since": datetime.now(UTC).isoformat(timespec="seconds")}
    # The content is for people: it must never keep the lock from being held.
    with suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(about).encode(), 0)
    return IndexLock(path, descriptor)


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
