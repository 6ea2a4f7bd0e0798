"""A run's sign of life, in a real ledger."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from docpipe import heartbeat
from docpipe.errors import ConfigurationError, TransientError
from docpipe.heartbeat import Heartbeat, holding, lease_name
from docpipe.ledger import Ledger
from docpipe.settings import Settings

HOLDER = """
import sys, time
from docpipe import heartbeat
from docpipe.ledger import Ledger
heartbeat.HELD_SECONDS = 1.0
with heartbeat.holding(Ledger.open(sys.argv[1]), "sensor") as held:
    print(held, flush=True)
    time.sleep(600)
"""


@pytest.fixture
def ledger(settings: Callable[..., Settings]) -> Iterator[Ledger]:
    with Ledger.open(settings().ledger_url) as opened:
        yield opened


class Beats:
    """Counts the beats that reach the ledger, and fails those it is told to."""

    def __init__(self, ledger: Ledger, failing: int = 0, error: Exception | None = None) -> None:
        self._ledger = ledger
        self._failing = failing
        self._error = error or TransientError("locked")
        self.reached = threading.Semaphore(0)

    def acquire(self, name: str, owner: str, seconds: float) -> bool:
        self._failing -= 1
        if self._failing >= 0:
            raise self._error
        held = self._ledger.acquire(name, owner, seconds)
        self.reached.release()
        return held


def test_a_run_is_held_from_its_start_until_after_its_end(ledger: Ledger) -> None:
    beats = Beats(ledger)
    with Heartbeat(beats, "r1"):  # type: ignore[arg-type]
        assert beats.reached.acquire(timeout=60)
        assert ledger.is_held(lease_name("r1"))
        assert not ledger.is_held(lease_name("r2"))
    # Between two stages nobody beats: the lease outlasts that.
    assert ledger.is_held(lease_name("r1"))
    assert not any(thread.name == "heartbeat" for thread in threading.enumerate())


@pytest.mark.parametrize("error", [TransientError("locked"), ConfigurationError("no permission"), ValueError("a defect")])
def test_a_beat_that_the_ledger_does_not_take_stops_nothing(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    monkeypatch.setattr(heartbeat, "INTERVAL", 0.01)
    beats = Beats(ledger, 3, error)
    with Heartbeat(beats, "r1"):  # type: ignore[arg-type]
        for _ in range(3):
            assert beats.reached.acquire(timeout=60)
    assert ledger.is_held(lease_name("r1"))
    missed = [record.getMessage() for record in caplog.records if record.name == heartbeat.__name__]
    assert missed == ["heartbeat of run r1 not recorded"] * 3
    assert str(error) in caplog.text


def test_what_is_held_stays_held_for_longer_than_a_lease_and_is_free_after_it(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "HELD_SECONDS", 3.0)
    with holding(ledger, "sensor") as held:
        assert held
        ends = time.monotonic() + 6.0
        while time.monotonic() < ends:
            with holding(ledger, "sensor") as also_held:
                assert not also_held
            time.sleep(0.5)
    with holding(ledger, "sensor") as held:
        assert held


def test_what_hangs_is_held_no_longer_than_it_may(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(heartbeat, "HELD_SECONDS", 0.5)
    with holding(ledger, "sensor", at_most=0.5):
        assert not ledger.acquire("sensor", "other", 60)
        ends = time.monotonic() + 60
        while not ledger.acquire("sensor", "other", 60):
            assert time.monotonic() < ends
            time.sleep(0.05)
    assert "sensor takes too long: it is held no longer" in caplog.text
    assert ledger.is_held("sensor"), "the end of the block takes nothing from the other"


def test_a_lease_that_somebody_else_has_taken_is_told(ledger: Ledger, caplog: pytest.LogCaptureFixture) -> None:
    assert ledger.acquire("sensor", "other", 60)
    beats = Beats(ledger)
    with Heartbeat(beats, "r1", "sensor", 60):  # type: ignore[arg-type]
        assert beats.reached.acquire(timeout=60)
    assert "sensor was taken over by another process" in caplog.text


def test_what_a_killed_process_held_is_free_when_its_lease_ends(settings: Callable[..., Settings], ledger: Ledger) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDER, settings().ledger_url], stdout=subprocess.PIPE) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == b"True\n"
        with holding(ledger, "sensor") as held:
            assert not held
        holder.kill()
    ends = time.monotonic() + 60
    while not ledger.acquire("sensor", "other", 1.0):
        assert time.monotonic() < ends
        time.sleep(0.05)
