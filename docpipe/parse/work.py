"""Run many documents' tasks on one pool."""

from __future__ import annotations

import logging
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Self

from docpipe.errors import ConfigurationError
from docpipe.isolate import Task, WorkerPool
from docpipe.parse.progress import Progress
from docpipe.stage import Effort, Lost, Made, Outcome

log = logging.getLogger(__name__)

PROGRESS_SECONDS = 5.0
"""Shortest time between two messages on how far a long document is."""
PROGRESS_SHARE = 20
"""Nor are they closer than one in so many parts of the time so far: hours of OCR are a hundred lines, not thousands."""


class Work:
    """The tasks of many documents, those that results lead to before those of documents not yet begun.

    An iterator that goes on after its end when results have added tasks, as `WorkerPool.run` allows.
    """

    def __init__(
        self,
        documents: Iterable[Progress],
        begin: Callable[[Progress], Sequence[Task]],
        cpu_seconds: defaultdict[str, float] | None = None,
    ) -> None:
        """Each document is asked for its first tasks, by `begin`, when the pool has room for them.

        `cpu_seconds` is what documents have taken that are not done, by partition key; shared by the passes over them.
        """
        self._cpu_seconds: defaultdict[str, float] = defaultdict(float) if cpu_seconds is None else cpu_seconds
        self._documents = iter(documents)
        self._begin = begin
        self._next: deque[Task] = deque()
        self._owners: dict[str, Progress] = {}
        self._under_way: dict[int, int] = {}
        self._dropped: dict[int, threading.Event] = {}
        self._begun = self._told = time.monotonic()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Task:
        while not self._next:
            document = next(self._documents)
            self._add(document, self._begin(document))
        return self._next.popleft()

    def run(self, pool: WorkerPool) -> Iterator[Outcome | Progress]:
        """Yield the outcome of every document, or the document itself where it waits for an OCR worker."""
        for result in pool.run(self):
            document = self._owners.pop(result.task.key, None)
            key = result.task.key.partition("\n")[0]
            self._cpu_seconds[key] += result.cpu_seconds
            if document is None:
                continue
            if isinstance(result.error, ConfigurationError):
                raise result.error
            after = document.take(result)
            self._under_way[id(document)] -= 1
            if isinstance(after, Made | Lost):
                self._forget(document)
                yield replace(after, effort=Effort(self._cpu_seconds.pop(key)))
            else:
                self._add(document, after)
                self._tell(document)
                if not self._under_way[id(document)]:
                    yield document

    def _tell(self, document: Progress) -> None:
        """Say how far the document is, where nothing was said for a while."""
        now = time.monotonic()
        pause = max(PROGRESS_SECONDS, (now - self._begun) / PROGRESS_SHARE)
        if now - self._told >= pause and (standing := document.standing()):
            self._told = now
            log.info(standing)

    def _add(self, document: Progress, tasks: Iterable[Task]) -> None:
        dropped = self._dropped.setdefault(id(document), threading.Event())
        for task in tasks:
            self._owners[task.key] = document
            self._under_way[id(document)] = self._under_way.get(id(document), 0) + 1
            self._next.append(replace(task, dropped=dropped))

    def _forget(self, document: Progress) -> None:
        """Tasks that wait or are still under way for a document that has ended are of no use any more."""
        del self._under_way[id(document)]
        self._dropped.pop(id(document)).set()
        useless = {key for key, owner in self._owners.items() if owner is document}
        self._next = deque(task for task in self._next if task.key not in useless)
        for key in useless:
            del self._owners[key]
