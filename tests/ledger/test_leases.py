from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from docpipe.ledger import Ledger, leases


def clock_is_off(monkeypatch: pytest.MonkeyPatch, by: timedelta) -> None:
    monkeypatch.setattr(leases, "_now", lambda connection: datetime.now(UTC) + by)


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

    # Half an hour ago all of them were still good: what is held then is all that is kept.
    clock_is_off(monkeypatch, timedelta(minutes=-30))
    assert [name for name in ("run/dead", "run/alive", "sensor") if ledger.is_held(name)] == ["run/alive", "sensor"]


def test_each_renewal_moves_the_end(ledger: Ledger) -> None:
    assert ledger.lease_end("run/1") is None
    ends = []
    for _ in range(3):
        assert ledger.acquire("run/1", "1", 60)
        ends.append(ledger.lease_end("run/1"))
    assert len(set(ends)) == 3
    assert not ledger.acquire("run/1", "2", 60)
    assert ledger.lease_end("run/1") == ends[-1]
    ledger.release("run/1", "1")
    assert ledger.lease_end("run/1") is None


def test_a_clock_that_jumps_ahead_makes_all_expire_and_the_next_beat_takes_them_anew(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.acquire("run/1", "1", 300)
    clock_is_off(monkeypatch, timedelta(days=1))
    assert not ledger.is_held("run/1")
    assert ledger.acquire("run/1", "1", 300)
    assert ledger.is_held("run/1")


def test_a_clock_that_is_set_back_lets_nothing_be_held_for_a_day(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger.acquire("sensor", "killed", 180)
    ledger.acquire("run/1", "killed", 300)
    clock_is_off(monkeypatch, timedelta(days=-1))
    assert not ledger.is_held("run/1")
    assert ledger.acquire("sensor", "next", 180)
    # And the new holder keeps it.
    assert not ledger.acquire("sensor", "third", 180)


def test_leases_are_judged_by_the_clock_of_the_server(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    class Wrong(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return datetime.now(UTC) + timedelta(days=1)

    ledger.acquire("run/1", "1", 300)
    monkeypatch.setattr(leases, "datetime", Wrong)
    # SQLite has no clock of its own: there the machine's counts, which all its processes share.
    by_server = not ledger._database.is_sqlite
    assert ledger.is_held("run/1") is by_server
    assert ledger.acquire("run/1", "2", 300) is not by_server
