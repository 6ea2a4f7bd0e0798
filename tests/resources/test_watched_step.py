"""A step that is watched: what its run does when Redis, the ledger or the step's worker is gone."""

from __future__ import annotations

from typing import Any

import pytest
from billiard.exceptions import WorkerLostError
from celery.exceptions import TaskRevokedError
from kombu.exceptions import OperationalError
from redis.exceptions import ConnectionError as RedisGone

from docpipe.errors import TransientError, WorkerLost
from resources.watched_step import RESENDS, WatchedStep

PATIENCE = 60.0


class Way:
    """A courier whose answers the test sets."""

    def __init__(self) -> None:
        self.sent = 0
        self.answer: tuple[str, Any] = ("PENDING", None)
        self.place = "queue"
        self.trouble: Exception | None = None
        self.now = 0.0
        self.warnings: list[str] = []
        self.step = WatchedStep(self, PATIENCE, self.warnings.append, clock=lambda: self.now)

    def send(self) -> None:
        if self.trouble:
            raise self.trouble
        self.sent += 1
        self.answer = ("PENDING", None)

    def state(self) -> tuple[str, Any]:
        if self.trouble:
            raise self.trouble
        return self.answer

    def whereabouts(self) -> str:
        return self.place

    def watch(self, seconds: float) -> bool:
        """Ask once a second, as the loop does."""
        for _ in range(int(seconds)):
            self.now += 1
            if self.step.ready():
                return True
        return False


def test_what_the_worker_returned_is_what_the_run_gets() -> None:
    way = Way()
    assert not way.watch(1)
    way.answer = ("SUCCESS", ["event"])
    assert way.watch(1)
    assert way.step.get() == ["event"]
    assert way.sent == 1


def test_what_the_worker_raised_is_raised() -> None:
    way = Way()
    way.step.ready()
    way.answer = ("FAILURE", ValueError("nonsense"))
    assert way.watch(1)
    with pytest.raises(ValueError, match="nonsense"):
        way.step.get()


@pytest.mark.parametrize("place", ["queue", "worker"])
def test_a_step_that_waits_or_works_is_waited_for_without_end(place: str) -> None:
    way = Way()
    way.place = place
    assert not way.watch(100 * PATIENCE)
    assert way.sent == 1


@pytest.mark.parametrize("state", ["PENDING", "STARTED"])
def test_a_step_that_is_nowhere_is_sent_again_and_then_given_up(state: str) -> None:
    way = Way()
    way.place = ""
    way.step.ready()
    for number in range(1, RESENDS + 1):
        way.answer = (state, None)
        assert not way.watch(0.7 * PATIENCE)
        assert way.sent == number + 1
    assert way.watch(PATIENCE)
    with pytest.raises(WorkerLost, match="read the logs of the lane's workers"):
        way.step.get()
    assert len(way.warnings) == RESENDS


def test_a_step_that_is_between_queue_and_worker_is_not_sent_again() -> None:
    way = Way()
    for _ in range(10):
        way.place = ""
        assert not way.watch(PATIENCE / 3)
        way.place = "worker"
        assert not way.watch(PATIENCE / 3)
    assert way.sent == 1


@pytest.mark.parametrize("trouble", [WorkerLostError("signal 9"), RedisGone("refused"), OperationalError("refused")])
def test_what_is_the_workers_trouble_costs_no_run(trouble: Exception) -> None:
    way = Way()
    way.step.ready()
    way.answer = ("FAILURE", trouble)
    assert not way.watch(1)
    assert way.sent == 2
    way.answer = ("SUCCESS", ["event"])
    assert way.watch(1)


def test_a_killed_step_is_sent_again_when_another_worker_may_begin_it() -> None:
    way = Way()
    way.step.ready()
    way.answer = ("FAILURE", WorkerLostError("signal 9"))
    # The dead process renewed its lease just before.
    way.place = "worker"
    assert not way.watch(PATIENCE / 2)
    assert way.sent == 1
    way.place = ""
    assert not way.watch(1)
    assert way.sent == 2


@pytest.mark.parametrize("trouble", [RedisGone("refused"), OperationalError("refused"), OSError("refused"), TransientError("ledger")])
def test_nothing_is_decided_while_redis_or_the_ledger_is_away(trouble: Exception) -> None:
    way = Way()
    way.place = ""
    way.trouble = trouble
    assert not way.watch(10 * PATIENCE)
    assert (way.sent, len(way.warnings)) == (0, 1)
    way.trouble = None
    assert not way.watch(1)
    assert way.sent == 1
    way.trouble = trouble
    assert not way.watch(10 * PATIENCE)
    way.trouble, way.place = None, "worker"
    assert not way.watch(PATIENCE)
    assert way.sent == 1


@pytest.mark.parametrize("place", ["queue", ""])
def test_a_revoked_step_that_nobody_works_on_is_not_waited_for(place: str) -> None:
    way = Way()
    way.step.ready()
    way.place = place
    way.step.revoke()
    assert way.watch(PATIENCE)
    with pytest.raises(TaskRevokedError):
        way.step.get()
    assert way.sent == 1


def test_a_revoked_step_that_is_at_work_is_waited_for() -> None:
    way = Way()
    way.place = "worker"
    way.step.ready()
    way.step.revoke()
    assert not way.watch(PATIENCE)
    way.answer = ("SUCCESS", ["event"])
    assert way.watch(1)
    assert way.step.get() == ["event"]
