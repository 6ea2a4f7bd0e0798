from __future__ import annotations

import asyncio
import threading
from concurrent.futures import CancelledError

import pytest

from docpipe.embed.api.event_loop import EventLoop


async def double(number: int) -> int:
    await asyncio.sleep(0)
    return 2 * number


def test_work_is_done_in_its_thread() -> None:
    loop = EventLoop("test-loop")
    assert [loop.submit(double(number)) for number in range(3)][2].result() == 4

    async def name() -> str:
        return threading.current_thread().name

    assert loop.submit(name()).result() == "test-loop"
    loop.close()


def test_an_error_goes_to_who_waits() -> None:
    async def fail() -> None:
        raise ValueError("no")

    loop = EventLoop("test-loop")
    with pytest.raises(ValueError, match="no"):
        loop.submit(fail()).result()
    loop.close()


def test_closing_calls_off_what_is_under_way() -> None:
    loop = EventLoop("test-loop")
    waiting = loop.submit(asyncio.Event().wait())
    loop.close()
    with pytest.raises(CancelledError):
        waiting.result()
    loop.close()
    assert "test-loop" not in {thread.name for thread in threading.enumerate()}
