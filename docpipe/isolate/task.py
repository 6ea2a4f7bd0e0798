"""What goes into a worker and what comes out."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

Answer = tuple[dict[str, Any], bytes]
"""What a task function returns: a JSON-safe dict and raw bytes."""


@dataclass(frozen=True, slots=True)
class Task:
    """One call of one function in a worker."""

    key: str
    """Opaque to the pool; a document's partition key, perhaps with a page range."""
    function: str
    """`module:function`, imported in the worker; returns an `Answer`."""
    arguments: tuple[object, ...] = ()
    """Picklable. The worker's environment holds no settings: whatever the function needs is passed here."""
    seconds: float | None = None
    """This task's own time limit, else the pool's."""
    dropped: threading.Event | None = None
    """Set once nobody wants the answer: a task not yet begun is passed over, and the worker of one under way is ended."""


class Dropped(Exception):
    """Nobody wanted the answer any more."""


@dataclass(frozen=True, slots=True)
class Result:
    """How one task ended: exactly one of `answer` and `error` is set."""

    task: Task
    answer: Answer | None
    error: Exception | None
    """The function's own `DocpipeError` under its class; any other exception as `PermanentError`; `LimitExceeded` for
    time, memory or output size; `PermanentError` for a task that crashed two workers; `WorkerLost` for one whose
    workers were killed from outside twice; `ConfigurationError` where no worker can start; `Dropped`."""
    seconds: float
    """Wall time in the worker, without its start."""
    cpu_seconds: float = 0.0
    """Of the workers that had it, and of the programs that they started; 0 where the system does not tell."""
