"""A sign of life while a run works, so that one that was killed can be told from one that is slow."""

from __future__ import annotations

import logging
import threading
from types import TracebackType

from docpipe.ledger import Ledger

INTERVAL = 20.0
GRACE = 300.0
"""Seconds without a beat after which a run counts as dead; covers the pause between two stages."""

log = logging.getLogger(__name__)


def lease_name(run_id: str) -> str:
    return f"run/{run_id}"


class Heartbeat:
    """Renews the run's lease in the ledger from a thread of its own for as long as the context lasts."""

    def __init__(self, ledger: Ledger, run_id: str) -> None:
        self._ledger = ledger
        self._run_id = run_id
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
                self._ledger.acquire(lease_name(self._run_id), self._run_id, GRACE)
            except Exception:
                # One missed beat is nothing, since the lease outlasts fifteen; an ended thread would make a living run look dead.
                log.warning("heartbeat of run %s not recorded", self._run_id, exc_info=True)
            if self._stopped.wait(INTERVAL):
                return
