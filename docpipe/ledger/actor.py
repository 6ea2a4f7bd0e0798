"""Who acts: entered with every change of a document."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

_actor: ContextVar[str] = ContextVar("actor", default="docpipe")


def actor() -> str:
    """Who changes the ledger in this context: `sensor`, `run`, `cli:<user>`, or `docpipe` where nobody said."""
    return _actor.get()


def act_as(name: str) -> None:
    """Let the rest of this context act as somebody: for the threads of a pool, which know nothing of the block they were started in."""
    _actor.set(name)


@contextlib.contextmanager
def acting(name: str) -> Iterator[None]:
    """Changes of the ledger within the block are entered as this actor's. Threads that are started in it need `act_as`."""
    token = _actor.set(name)
    try:
        yield
    finally:
        _actor.reset(token)
