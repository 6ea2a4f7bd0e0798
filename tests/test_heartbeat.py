"""A run's sign of life, in a real ledger."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from docpipe import heartbeat
from docpipe.errors import ConfigurationError, TransientError
from docpipe.heartbeat import Heartbeat, lease_name
from docpipe.ledger import Ledger
from docpipe.settings import Settings


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
