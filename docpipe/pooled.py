"""Documents through a worker pool: loads each one's input only when a worker will soon be free."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from docpipe.errors import ConfigurationError, DocpipeError, WorkerLost
from docpipe.isolate import Task, WorkerPool
from docpipe.stage import NO_EFFORT, Effort, Item, Lost


@dataclass(frozen=True, slots=True)
class Answered:
    """What a worker made of one document; not to be trusted more than the document itself."""

    key: str
    header: dict[str, Any]
    body: bytes
    seconds: float
    effort: Effort = NO_EFFORT


def run_items(pool: WorkerPool, items: Sequence[Item], task_of: Callable[[Item], Task]) -> Iterator[Answered | Lost]:
    """Yield the answer for every item, or `Lost` for one whose input could not be loaded or whose task failed.

    `task_of` loads the item's input; the task's key must be the document's. Raises `ConfigurationError`, since no
    document could do better.
    """
    unloaded: deque[Lost] = deque()

    def tasks() -> Iterator[Task]:
        for item in items:
            try:
                task = task_of(item)
            except ConfigurationError:
                raise
            except DocpipeError as error:
                unloaded.append(Lost(item.document.key, error))
            else:
                yield task

    for result in pool.run(tasks()):
        while unloaded:
            yield unloaded.popleft()
        if isinstance(result.error, ConfigurationError):
            raise result.error
        effort = Effort(result.cpu_seconds)
        if result.answer is None:
            yield Lost(result.task.key, result.error or WorkerLost("the worker ended without an answer"), result.seconds, effort)
        else:
            yield Answered(result.task.key, *result.answer, result.seconds, effort)
    yield from unloaded
