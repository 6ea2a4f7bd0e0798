"""A pool of killable worker processes."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Self

from docpipe.errors import DocpipeError, LimitExceeded, PermanentError, WorkerLost
from docpipe.isolate.process import Cancelled, Limits, WorkerDied, WorkerProcess
from docpipe.isolate.task import Answer, Dropped, Result, Task

if TYPE_CHECKING:
    from docpipe.settings import Settings

_MEBIBYTE = 1024 * 1024
_TRIES = 2


@dataclass(frozen=True, slots=True)
class _Run:
    """One call of `WorkerPool.run`, which may be abandoned while its tasks are under way."""

    results: queue.SimpleQueue[Result | Exception] = field(default_factory=queue.SimpleQueue)
    abandoned: threading.Event = field(default_factory=threading.Event)


class WorkerPool:
    """Runs tasks in worker processes that are started when needed, reused, and replaced when they were killed.

    One thread for each worker starts it, talks to it and keeps its time, so that limits hold while the caller is busy
    elsewhere. Workers die with the process that holds the pool, however that ends.
    """

    def __init__(self, workers: int, *, seconds: float, memory_mb: int, output_mb: int, preload: Sequence[str] = ()) -> None:
        """`preload` names modules that every worker imports before its first task; their import is no task's time."""
        self._workers = workers
        self._seconds = seconds
        self._limits = Limits(memory=memory_mb * _MEBIBYTE, output=output_mb * _MEBIBYTE)
        self._preload = tuple(preload)
        self._waiting: queue.SimpleQueue[tuple[_Run, Task] | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._closed = threading.Event()

    @classmethod
    def from_settings(cls, settings: Settings, preload: Sequence[str] = ()) -> WorkerPool:
        """The pool that the settings ask for."""
        return cls(
            settings.workers,
            seconds=settings.task_seconds,
            memory_mb=settings.worker_memory_mb,
            output_mb=settings.worker_output_mb,
            preload=preload,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def run(self, tasks: Iterable[Task]) -> Iterator[Result]:
        """Yield one result for every task, in the order in which they end.

        Takes at most two tasks a worker ahead of what was yielded. An iterator that has ended is asked again after each
        result, so that results can lead to more tasks. Leaving the results early ends the work on them.
        """
        run, under_way, source = _Run(), 0, iter(tasks)
        try:
            while True:
                while under_way < 2 * self._workers and (task := next(source, None)) is not None:
                    self._submit(run, task, under_way + 1)
                    under_way += 1
                if not under_way:
                    return
                result = run.results.get()
                under_way -= 1
                if isinstance(result, Exception):
                    raise result
                yield result
        finally:
            run.abandoned.set()

    def close(self) -> None:
        """End every worker; tasks under way are lost."""
        with self._lock:
            if self._closed.is_set():
                return
            self._closed.set()
        for _ in self._threads:
            self._waiting.put(None)
        for thread in self._threads:
            thread.join()

    def _submit(self, run: _Run, task: Task, wanted: int) -> None:
        with self._lock:
            if self._closed.is_set():
                raise RuntimeError("the pool is closed")
            if len(self._threads) < min(wanted, self._workers):
                thread = threading.Thread(target=self._serve, name="docpipe-worker", daemon=True)
                self._threads.append(thread)
                thread.start()
        self._waiting.put((run, task))

    def _ended(self, run: _Run) -> bool:
        return run.abandoned.is_set() or self._closed.is_set()

    def _cancelled(self, run: _Run, task: Task) -> Callable[[], bool]:
        return lambda: self._ended(run) or _is_dropped(task)

    def _without_answer(self, run: _Run, task: Task) -> Result | Exception:
        return RuntimeError("the pool was closed") if self._ended(run) else Result(task, None, Dropped(), 0.0)

    def _serve(self) -> None:
        slot = _Slot(self._limits, self._preload, self._seconds)
        try:
            while (entry := self._waiting.get()) is not None:
                run, task = entry
                cancelled = self._cancelled(run, task)
                if cancelled():
                    run.results.put(self._without_answer(run, task))
                    continue
                try:
                    run.results.put(slot.perform(task, cancelled))
                except Cancelled:
                    run.results.put(self._without_answer(run, task))
                except Exception as error:  # noqa: BLE001 - raised again where the results are awaited
                    run.results.put(error)
        finally:
            slot.close()


def _is_dropped(task: Task) -> bool:
    return task.dropped is not None and task.dropped.is_set()


class _Slot:
    """A place for one worker, whichever process fills it."""

    def __init__(self, limits: Limits, preload: Sequence[str], seconds: float) -> None:
        self._limits = limits
        self._preload = preload
        self._seconds = seconds
        self._process: WorkerProcess | None = None

    def perform(self, task: Task, cancelled: Callable[[], bool]) -> Result:
        """Run the task, in a second process if the first one dies of it."""
        start, spent = time.monotonic(), 0.0
        for _ in range(_TRIES):
            process: WorkerProcess | None = None
            answer: Answer | None = None
            error: Exception | None = None
            try:
                process = self._ready(cancelled)
                start = time.monotonic()
                answer = process.call(task, task.seconds or self._seconds, cancelled)
                break
            except DocpipeError as failure:
                error = failure
                break
            except WorkerDied as death:
                if death.from_outside:
                    error = WorkerLost(f"two workers were killed while they had this task ({death}); is the machine out of memory?")
                else:
                    error = PermanentError(f"crashes its reader ({death}); nothing was kept of it")
            finally:
                if process is not None:
                    spent += process.call_cpu_seconds
                self._retire(error)
        return Result(task, answer, error, time.monotonic() - start, spent)

    def close(self) -> None:
        """End the process, if there is one."""
        if self._process is not None:
            self._process.kill()
            self._process = None

    def _ready(self, cancelled: Callable[[], bool]) -> WorkerProcess:
        if self._process is None:
            self._process = WorkerProcess(self._limits, self._preload)
            self._process.start(cancelled)
        return self._process

    def _retire(self, error: Exception | None) -> None:
        """End a process that is out of step, ran out of memory or keeps too much for the next task to fit."""
        process = self._process
        if process and (not process.usable or isinstance(error, LimitExceeded) or process.resident_bytes > self._limits.memory // 2):
            self.close()
