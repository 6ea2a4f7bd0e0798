from __future__ import annotations

import asyncio
import threading

import pytest

from docpipe.monitor.single_flight import SingleFlight


def test_many_who_ask_at_once_ask_once() -> None:
    times, gate = [], threading.Event()

    def work() -> int:
        gate.wait(30)
        times.append(1)
        return len(times)

    async def several() -> list[int]:
        flight = SingleFlight("work", work)
        asked = [asyncio.create_task(flight.ask(30)) for _ in range(5)]
        await asyncio.sleep(0)
        gate.set()
        return [await one for one in asked] + [await flight.ask(30)]

    assert asyncio.run(several()) == [1, 1, 1, 1, 1, 2]


def test_who_waits_too_long_is_told_and_the_next_gets_the_answer() -> None:
    gate, begun = threading.Event(), []

    def work() -> str:
        begun.append(1)
        gate.wait(30)
        return "answer"

    async def impatient() -> str:
        flight = SingleFlight("work", work)
        for _ in range(3):
            with pytest.raises(TimeoutError):
                await flight.ask(0.01)
        gate.set()
        return await flight.ask(30)

    assert asyncio.run(impatient()) == "answer"
    assert len(begun) == 1


def test_an_error_is_everybodys_and_forgotten() -> None:
    def work() -> None:
        raise ValueError("no")

    async def twice() -> None:
        flight = SingleFlight("work", work)
        for _ in range(2):
            with pytest.raises(ValueError, match="no"):
                await flight.ask(30)

    asyncio.run(twice())


def test_an_error_that_nobody_waits_for_any_more_is_no_trouble(caplog: pytest.LogCaptureFixture) -> None:
    gate = threading.Event()

    def work() -> None:
        gate.wait(30)
        raise ValueError("late")

    async def leave() -> None:
        flight = SingleFlight("work", work)
        with pytest.raises(TimeoutError):
            await flight.ask(0.01)
        gate.set()
        with pytest.raises(ValueError, match="late"):
            await flight.ask(30)

    asyncio.run(leave())
    assert "never retrieved" not in caplog.text
