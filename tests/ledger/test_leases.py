from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from docpipe.ledger import Ledger, leases


def test_one_holds_it_at_a_time(ledger: Ledger) -> None:
    assert ledger.acquire("sensor", "one", 60)
    assert not ledger.acquire("sensor", "two", 60)
    assert ledger.acquire("another", "two", 60)
    assert not ledger.release("sensor", "two")
    assert ledger.acquire("sensor", "one", 60)
    assert ledger.release("sensor", "one")
    assert ledger.acquire("sensor", "two", 60)


def test_an_expired_one_is_taken_over(ledger: Ledger) -> None:
    assert ledger.acquire("sensor", "one", -1)
    assert ledger.acquire("sensor", "two", 60)
    assert not ledger.release("sensor", "one")
    assert not ledger.acquire("sensor", "one", 60)


def test_a_block_lets_go_at_its_end(ledger: Ledger) -> None:
    with ledger.lease("sensor", "one", 60) as held, ledger.lease("sensor", "two", 60) as also_held:
        assert held
        assert not also_held
    with pytest.raises(RuntimeError), ledger.lease("sensor", "two", 60) as held:
        raise RuntimeError
    assert ledger.acquire("sensor", "three", 60)


def test_expired_ones_are_forgotten_when_any_is_acquired(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger.acquire("run/dead", "one", -1)
    ledger.acquire("run/alive", "two", 60)
    ledger.acquire("sensor", "three", 60)

    class Earlier(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return datetime.now(UTC) - timedelta(hours=1)

    # An hour ago all of them were still good: what is held then is all that is kept.
    monkeypatch.setattr(leases, "datetime", Earlier)
    assert [name for name in ("run/dead", "run/alive", "sensor") if ledger.is_held(name)] == ["run/alive", "sensor"]
