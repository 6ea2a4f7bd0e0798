"""The line in which documents wait: priority moves one forward by a time, so whoever waits long enough comes first.

A document stands where it would had it arrived `PRIORITY_SECONDS` earlier for each step of its priority. So the order of two
documents never changes while they wait, and one of priority 0 is overtaken only by what arrives within the next
`PRIORITY_SECONDS` × the other's priority: 100 minutes for the uploads of priority 10. Nothing starves, however much comes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from heapq import merge
from typing import Protocol, TypeVar

PRIORITY_SECONDS = 600.0
LOWEST, HIGHEST = -100, 100
"""Priorities that may be given: the highest is worth 17 hours of waiting."""
URGENT = 1
"""From this priority on a document travels in the batches of those that somebody waits for."""
HELD = datetime(9999, 12, 31, tzinfo=UTC)
"""The rest of a document that was cancelled: until somebody resumes it."""


class Waiting(Protocol):
    """What the place in the line follows from."""

    @property
    def key(self) -> str: ...
    @property
    def priority(self) -> int: ...
    @property
    def since(self) -> datetime: ...


_Waiting = TypeVar("_Waiting", bound=Waiting)


def place(one: Waiting) -> tuple[datetime, str]:
    """Where a document stands; smaller is further in front."""
    return one.since - timedelta(seconds=PRIORITY_SECONDS * one.priority), one.key


def in_line(queues: Iterable[Iterable[_Waiting]]) -> Iterator[_Waiting]:
    """Join queues that each stand in order, such as those of one priority each, into the one line."""
    return merge(*queues, key=place)
