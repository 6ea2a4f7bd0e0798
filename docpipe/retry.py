"""How long to wait before a transient error is tried again."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt

from docpipe.errors import TransientError

T = TypeVar("T")

LONGEST_PAUSE = 30.0
"""Seconds; what the other side asked for may be longer."""


def pause(attempt: int, error: BaseException | None) -> float:
    """Seconds to wait after the attempt of this number (from 1): exponential with full jitter, or what was asked for."""
    backoff = random.uniform(0.5, 1.0) * min(LONGEST_PAUSE, 2.0 ** (attempt - 1))  # noqa: S311 -- not for secrets
    asked = error.retry_after if isinstance(error, TransientError) else None
    return max(backoff, asked or 0.0)


def patiently(call: Callable[[], T], attempts: int) -> T:
    """Call until it succeeds, at most `attempts` times; only a `TransientError` is tried again, the last one is raised."""

    def wait(state: RetryCallState) -> float:
        return pause(state.attempt_number, state.outcome.exception() if state.outcome else None)

    return Retrying(stop=stop_after_attempt(attempts), wait=wait, retry=retry_if_exception_type(TransientError), reraise=True)(call)
