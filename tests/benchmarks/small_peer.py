"""A competitor that needs nothing: it keeps its texts in memory, and does what its variant says."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

from benchmarks.peers.peer import Job, Place, Stored

SPIN = "import time\nwhile time.process_time() < 0.5: pass"


class SmallPeer:
    def __init__(self, job: Job) -> None:
        os.write(1, b"a peer's own words")
        self._job = job
        self._stored: list[Stored] = []

    def store(self) -> None:
        if self._job.variant == "fails":
            raise RuntimeError("the peer gave up")
        if self._job.variant == "starts a child":
            subprocess.run([sys.executable, "-c", SPIN], check=True)
        self._stored = [Stored(Place(chunk.file, chunk.page), chunk.text) for chunk in self._job.chunks()]
        os.write(1, b'{"not": "an answer"}')

    def stored(self) -> Iterator[Stored]:
        return iter(self._stored)

    def find(self, question: str, limit: int) -> list[Place]:
        return [stored.place for stored in self._stored if question in stored.text][:limit]


def open_peer(job: Job) -> SmallPeer:
    return SmallPeer(job)
