"""A sign of life while something works, so that one that was killed can be told from one that is slow."""

from __future__ import annotations

import logging
import math
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

from docpipe.ledger import Ledger

INTERVAL = 15.0
GRACE = 60.0
"""Length of a run's lease: a few beats that the ledger does not take are no loss. Whether its run is dead, `sensors.silence` knows."""

BEATS = 6
"""Beats in the time after which a step, or whoever holds a lease, counts as lost: a few that the ledger does not take are no loss."""

HELD_SECONDS = 60.0
"""For so long nobody takes over what a process held that was killed: twice what a beat may wait for the ledger's lock."""

log = logging.getLogger(__name__)


def lease_name(run_id: str) -> str:
    return f"run/{run_id}"


def step_lease_name(task_id: str) -> str:
    return f"step/{task_id}"


@contextmanager
def holding(ledger: Ledger, lease: str, at_most: float = math.inf) -> Iterator[bool]:
    """Hold a lease for as long as the block takes, but `at_most` so many seconds; the value says whether it is held.

    Where the process is killed, somebody else may have it after `HELD_SECONDS`. Where the block hangs, after `at_most` and those.
    """
    owner = uuid.uuid4().hex
    with ledger.lease(lease, owner, HELD_SECONDS) as held:
        if not held:
            yield False
            return
        with Heartbeat(ledger, owner, lease, HELD_SECONDS, at_most):
            yield True


class Heartbeat:
    """Renews a lease in the ledger from a thread of its own for as long as the context lasts: that of the run, or another one.

    The run's lease has the run as its owner, so every process that works for it may renew it.
    """

    def __init__(self, ledger: Ledger, run_id: str, lease: str = "", seconds: float = 0.0, at_most: float = math.inf) -> None:
        self._ledger = ledger
        self._owner = run_id
        self._lease = lease or lease_name(run_id)
        self._seconds = seconds or GRACE
        self._interval = seconds / BEATS or INTERVAL
        self._ends = time.monotonic() + at_most
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def __enter__(self) -> Heartbeat:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stopped.set()
        self._thread.join()

    def _beat(self) -> None:
        while True:
            if time.monotonic() > self._ends:
                log.error("%s takes too long: it is held no longer", self._lease)
                return
            try:
                if not self._ledger.acquire(self._lease, self._owner, self._seconds):
                    log.warning("%s was taken over by another process", self._lease)
            except Exception:
                # One missed beat is nothing, since the lease outlasts several; an ended thread would make the living look dead.
                log.warning("heartbeat of %s not recorded", self._lease.replace("/", " "), exc_info=True)
            if self._stopped.wait(self._interval):
                return
