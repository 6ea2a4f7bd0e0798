from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import pytest

from docpipe.isolate import Result, Task, WorkerPool
from docpipe.parse import work
from docpipe.parse.work import Work
from docpipe.stage import Made, Outcome

TASKS = 5_000
SECONDS = 2.0
"""Of one task, by the clock of these tests."""


@dataclass
class LongDocument:
    """Takes hours: one task after the other."""

    done: int = 0

    def begin(self) -> Sequence[Task]:
        return [Task("long\n0", "none:none")]

    def begin_ocr(self) -> Sequence[Task]:
        return []

    def take(self, result: Result) -> Sequence[Task] | Outcome:
        self.done += 1
        return [Task(f"long\n{self.done}", "none:none")] if self.done < TASKS else Made("long", b"", {}, 1.0)

    def standing(self) -> str:
        return f"{self.done} of {TASKS}"


@dataclass
class Clock:
    now: float = 100.0

    def monotonic(self) -> float:
        return self.now


class QuickPool(WorkerPool):
    """Answers at once, and lets the clock say that it took long."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def run(self, tasks: Iterator[Task]) -> Iterator[Result]:  # type: ignore[override]
        while (task := next(tasks, None)) is not None:
            self._clock.now += SECONDS
            yield Result(task, ({}, b""), None, SECONDS)


def test_messages_become_rarer_the_longer_it_takes(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    monkeypatch.setattr(work, "time", clock)
    with caplog.at_level(logging.INFO, "docpipe.parse.work"):
        (made,) = Work([LongDocument()], lambda one: one.begin(), defaultdict(float)).run(QuickPool(clock))
    assert isinstance(made, Made)
    at = [int(record.getMessage().split()[0]) * SECONDS for record in caplog.records]
    assert at[0] < 10
    assert all(work.PROGRESS_SECONDS <= later - earlier <= max(10.0, later / 15) for earlier, later in pairwise(at))
    assert 50 < len(at) < 200
