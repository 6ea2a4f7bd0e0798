"""What the other processes of a test do; each opens the ledger for itself."""

from __future__ import annotations

import itertools
import os
import signal
import time
from datetime import date
from multiprocessing.connection import Connection
from pathlib import Path

from sqlalchemy import Engine, event, update

from docpipe.ledger import Ledger
from docpipe.ledger.schema import documents
from docpipe.metrics.sample import Sample
from docpipe.models import StageName
from tests.ledger.arrivals import arrival


def _await(gate: Path) -> None:
    while not gate.exists():
        time.sleep(0.001)


def open_at_once(url: str, gate: Path) -> str:
    """Wait until `gate` is there, then open; returns the number of documents."""
    _await(gate)
    with Ledger.open(url) as ledger:
        return str(len(list(ledger.known())))


def count_and_claim(url: str, name: str, rounds: int) -> list[str]:
    """Start a stage of one shared document again and again, and claim pending documents until there are none."""
    claimed: list[str] = []
    with Ledger.open(url) as ledger:
        for turn in range(rounds):
            assert ledger.start(StageName.PARSED_PAGES, {"shared": (1, "f", "r")}, f"{name}-{turn}") == ["shared"]
        for turn in itertools.count():
            pending = [document.key for document in ledger.pending(7)]
            if not pending:
                return claimed
            claimed += ledger.queue(f"{name}-{turn}", pending)
    raise AssertionError


def register_same(url: str, gate: Path) -> list[str]:
    _await(gate)
    with Ledger.open(url) as ledger:
        return [document.key for document in ledger.register([arrival(f"{number:03}") for number in range(300)])]


def hold_the_write_lock(url: str, sender: Connection) -> None:
    """Change every document without committing, say so, and wait to be killed."""
    ledger = Ledger.open(url)
    with ledger._database.write() as connection:
        connection.execute(update(documents).values(status="deleted", generation=99))
        sender.send(True)
        signal.pause()


def work_until_killed(url: str, sender: Connection) -> None:
    """Register and queue documents without end, and tell of every batch once it is there."""
    with Ledger.open(url) as ledger:
        for turn in itertools.count():
            keys = [f"{os.getpid()}-{turn}-{number:03}" for number in range(50)]
            ledger.register([arrival(key) for key in keys])
            ledger.queue(f"batch-{turn}", keys)
            sender.send(f"batch-{turn}")


def take_often(url: str, rounds: int) -> list[float]:
    """Reserve one unit of 120 a minute again and again; returns how long each has to wait."""
    with Ledger.open(url) as ledger:
        return [ledger.take("api", 1, per_minute=120, burst=1) for _ in range(rounds)]


def count(url: str, times: int, reverse: bool) -> None:
    """Add to two counters, one after the other in either order."""
    samples = [Sample("first", 1), Sample("second", 1)]
    with Ledger.open(url) as ledger:
        for _ in range(times):
            ledger.count(reversed(samples) if reverse else samples)


def reserve_cents(url: str, day: date, times: int) -> int:
    """Ask for one cent of a dollar again and again; returns how many there were."""
    with Ledger.open(url) as ledger:
        return sum(ledger.reserve("openai", day, 0.01, 1.0) for _ in range(times))


def upgrade_until_killed(url: str, word: str, number: int) -> None:
    """Open a ledger, and die before so many statements with a word have been carried out."""
    seen = itertools.count(1)

    def look(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if word in statement and not statement.startswith(("SELECT", "PRAGMA")) and next(seen) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(Engine, "before_cursor_execute", look)
    Ledger.open(url)
