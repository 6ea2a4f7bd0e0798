"""Pauses between tries, on values."""

from __future__ import annotations

import pytest

from docpipe import retry
from docpipe.errors import BucketUnavailable, ParseFailed, TransientError
from docpipe.retry import LONGEST_PAUSE, patiently, pause


def test_pauses_grow_up_to_a_limit() -> None:
    for attempt in range(1, 12):
        top = min(LONGEST_PAUSE, 2.0 ** (attempt - 1))
        for _ in range(20):
            assert top / 2 <= pause(attempt, TransientError("busy")) <= top


def test_a_pause_is_as_long_as_the_other_side_asks() -> None:
    assert pause(1, BucketUnavailable("slow down", retry_after=75.0)) == 75.0
    assert pause(8, BucketUnavailable("slow down", retry_after=1.0)) >= LONGEST_PAUSE / 2


def test_only_transient_errors_are_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "pause", lambda attempt, error: 0.0)
    calls: list[int] = []

    def flaky() -> str:
        calls.append(1)
        if len(calls) < 3:
            raise TransientError("busy")
        return "there"

    assert (patiently(flaky, 3), len(calls)) == ("there", 3)

    def busy() -> str:
        calls.append(1)
        raise TransientError("busy")

    calls.clear()
    with pytest.raises(TransientError, match="busy"):
        patiently(busy, 3)
    assert len(calls) == 3

    def wrong() -> str:
        calls.append(1)
        raise ParseFailed("no")

    calls.clear()
    with pytest.raises(ParseFailed):
        patiently(wrong, 3)
    assert len(calls) == 1
