"""A question that is asked once at a time, however many want the answer and however long it takes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """Runs `work` in a thread; who asks meanwhile waits for the same answer. A thread that hangs does not hold up the process's end."""

    def __init__(self, name: str, work: Callable[[], T]) -> None:
        self._name = name
        self._work = work
        self._lock = threading.Lock()
        self._under_way: Future[T] | None = None

    async def ask(self, seconds: float) -> T:
        """Return the answer, or raise what `work` raised; `TimeoutError` after `seconds`, while the work goes on for the next to ask."""
        waiting = asyncio.wrap_future(self._begin())
        try:
            return await asyncio.wait_for(asyncio.shield(waiting), seconds)
        except TimeoutError:
            # Nobody may be left to hear how it ends.
            waiting.add_done_callback(_heard)
            raise

    def _begin(self) -> Future[T]:
        with self._lock:
            if self._under_way is None or self._under_way.done():
                self._under_way = Future()
                threading.Thread(target=self._run, args=(self._under_way,), name=self._name, daemon=True).start()
            return self._under_way

    def _run(self, answer: Future[T]) -> None:
        try:
            result = self._work()
        except Exception as error:  # noqa: BLE001 - it is raised where the question was asked
            answer.set_exception(error)
        else:
            answer.set_result(result)


def _heard(answer: asyncio.Future[T]) -> None:
    if not answer.cancelled():
        answer.exception()
