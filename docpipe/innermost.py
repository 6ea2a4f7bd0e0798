"""What holds for the code that is running now: a context variable that threads started within the block can see as well."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Generic, TypeVar

T = TypeVar("T")


class Innermost(Generic[T]):
    """The value of the innermost block around the code; in a thread that no block is around, that of the process's only block.

    Threads of a pool know nothing of the context of whoever gave them work. Where a process does one thing at a time, as a run does,
    what it does is known to them all the same; where it does several, nothing is said rather than something wrong.
    """

    def __init__(self, name: str) -> None:
        self._own: ContextVar[T | None] = ContextVar(name, default=None)
        self._lock = threading.Lock()
        self._outermost: list[T] = []
        """The blocks that no other is around, as they are now."""

    def get(self) -> T | None:
        own = self._own.get()
        if own is not None:
            return own
        with self._lock:
            return self._outermost[-1] if len(self._outermost) == 1 else None

    @contextmanager
    def block(self, value: T) -> Iterator[None]:
        token = self._own.set(value)
        is_outermost = token.old_value is token.MISSING or token.old_value is None
        if is_outermost:
            with self._lock:
                self._outermost.append(value)
        try:
            yield
        finally:
            if is_outermost:
                with self._lock:
                    self._outermost.remove(value)
            self._own.reset(token)
