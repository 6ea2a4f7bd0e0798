"""A sign of life while something works, so that one that was killed can be told from one that is slow."""

from __future__ import annotations

import logging
import threading
from types import TracebackType

from docpipe.ledger import Ledger

INTERVAL = 20.0
GRACE = 120.0
"""Seconds without a beat after which a run counts as dead; six times what lies between two beats."""

BEATS = 6
"""Beats in the time after which a step counts as lost: a few that the ledger does not take are no loss."""

log = logging.getLogger(__name__)


def lease_name(run_id: str) -> str:
    return f"run/{run_id}"


def step_lease_name(task_id: str) -> str:
    return f"step/{task_id}"


class Heartbeat:
    """Renews a lease in the ledger from a thread of its own for as long as the context lasts: that of the run, or another one.

    The run's lease has the run as its owner, so every process that works for it may renew it.
    """

    def __init__(self, ledger: Ledger, run_id: str, lease: str = "", seconds: float = 0.0) -> None:
        self._ledger = ledger
        self._owner = run_id
        self._lease = lease or lease_name(run_id)
        self._seconds = seconds or GRACE
        self._interval = seconds / BEATS or INTERVAL
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
            try:
                self._ledger.acquire(self._lease, self._owner, self._seconds)
            except Exception:
                # One missed beat is nothing, since the lease outlasts several; an ended thread would make the living look dead.
                log.warning("heartbeat of %s not recorded", self._lease.replace("/", " "), exc_info=True)
            if self._stopped.wait(self._interval):
                return
