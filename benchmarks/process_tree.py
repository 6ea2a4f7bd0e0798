"""Memory and processor time of a process and all its children, sampled while they run."""

from __future__ import annotations

import threading
import time
from types import TracebackType

import psutil

INTERVAL = 0.5


class ProcessTree:
    """Watches the tree below one process until the context ends.

    Memory is the proportional set size (shared pages counted once), which is what the machine really lends.
    """

    def __init__(self, pid: int) -> None:
        self._root = psutil.Process(pid)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.memory: list[tuple[float, int]] = []
        """Seconds since the start, bytes of all processes then."""
        self._cpu: dict[int, float] = {}

    @property
    def peak_bytes(self) -> int:
        return max((held for _, held in self.memory), default=0)

    @property
    def cpu_seconds(self) -> float:
        """Of every process seen, as last seen: a child that lived less than a sample is missed."""
        return sum(self._cpu.values())

    def __enter__(self) -> ProcessTree:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stopped.set()
        self._thread.join()

    def _watch(self) -> None:
        started = time.monotonic()
        while not self._stopped.wait(INTERVAL):
            total = 0
            try:
                processes = [self._root, *self._root.children(recursive=True)]
            except psutil.NoSuchProcess:
                return
            for process in processes:
                try:
                    total += process.memory_full_info().pss
                    times = process.cpu_times()
                    self._cpu[process.pid] = times.user + times.system
                except (psutil.NoSuchProcess, psutil.AccessDenied):
                    continue
            self.memory.append((time.monotonic() - started, total))
