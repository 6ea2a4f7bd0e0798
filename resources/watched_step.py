"""A step on its way through a queue: sent again when Redis forgot it, or when the worker that had it is gone."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

from billiard.exceptions import WorkerLostError
from celery import states
from celery.exceptions import TaskRevokedError
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from docpipe.errors import DocpipeError, WorkerLost

RESENDS = 2
"""Times a step is sent again; then its run fails, and its documents wait for others, in smaller company (see `docpipe.batch`)."""
LOOKS = 6
"""Looks at a step's sign of life in the time after which it counts as lost."""

AWAY = (RedisError, OperationalError, OSError)
"""What a Redis server that cannot be reached raises, in the words of redis-py, of kombu and of the system."""


class Courier(Protocol):
    """Carries a step to its queue, and says what became of it."""

    def send(self) -> None: ...

    def state(self) -> tuple[str, Any]:
        """Celery's name for how it stands, and what came of it."""

    def whereabouts(self) -> str:
        """Where it is now: `worker`, `queue`, or empty: nowhere."""


class WatchedStep:
    """Stands in for Celery's result in dagster-celery's loop, which would wait for ever for a step that is lost.

    A step that is at work holds a lease in the ledger, of half of `patience`. One that holds none, is in no queue and has no
    result for the other half is lost: its worker was killed, or Redis was. Sending it again is safe even when that is wrong, since a worker
    begins no step that another one holds, and a stage finds what is done already. While Redis or the ledger does not answer
    nothing is known, so nothing is decided.
    """

    def __init__(self, courier: Courier, patience: float, warn: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._courier = courier
        self._patience = patience
        self._warn = warn
        self._clock = clock
        self._sent = False
        self._away = False
        self._revoked = False
        self._resent = 0
        self._next_look = 0.0
        self._silent_since: float | None = None
        self._outcome: Any = None

    def ready(self) -> bool:
        """Whether `get` has an answer."""
        if self._outcome is not None:
            return True
        try:
            ready = self._is_over()
        except (*AWAY, DocpipeError) as error:
            if not self._away:
                self._warn(f"waiting for Redis or the ledger, which do not answer: {type(error).__name__}: {error}")
            self._away, self._silent_since = True, None
            return False
        self._away = False
        return ready

    def get(self) -> Any:
        """The step's events; raises what the step's worker raised, `WorkerLost` or `TaskRevokedError`."""
        if isinstance(self._outcome, BaseException):
            raise self._outcome
        return self._outcome

    def revoke(self) -> None:
        """Wait for the step no longer than it is at work; a worker begins no step of a run that is over."""
        self._revoked = True

    def _is_over(self) -> bool:
        if not self._sent:
            self._courier.send()
            self._sent = True
        state, value = self._courier.state()
        if isinstance(value, (WorkerLostError, *AWAY)):
            # What goes wrong inside a step comes as an event: an exception is of the worker, never of the documents.
            if self._courier.whereabouts() == "worker":
                # The lease of the process that was killed: until it runs out no worker would begin the step.
                return False
            return self._send_again(f"the process that worked on it was killed, or lost Redis: {value}")
        if state in states.READY_STATES:
            self._outcome = value
            return True
        now = self._clock()
        if now < self._next_look:
            return False
        self._next_look = now + self._patience / LOOKS
        return self._is_lost(now)

    def _is_lost(self, now: float) -> bool:
        place = self._courier.whereabouts()
        if self._revoked and place != "worker":
            self._outcome = TaskRevokedError("revoked")
            return True
        if place:
            self._silent_since = None
        elif self._silent_since is None:
            self._silent_since = now
        elif now - self._silent_since >= self._patience / 2:
            return self._send_again("no worker holds it and no queue has it: its worker is gone, or Redis lost it")
        return False

    def _send_again(self, why: str) -> bool:
        self._silent_since = None
        if self._revoked:
            self._outcome = TaskRevokedError("revoked")
        elif self._resent >= RESENDS:
            self._outcome = WorkerLost(f"lost {self._resent + 1} times, at last since {why}: read the logs of the lane's workers")
        else:
            self._courier.send()
            self._resent += 1
            self._warn(f"sent again, since {why}")
        return self._outcome is not None
