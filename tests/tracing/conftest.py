"""Traces switched on for one test."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from docpipe.settings import Settings
from docpipe.tracing.setup import set_up_traces, shut_down_traces
from tests.trace_receiver import Receiver, receiver


@pytest.fixture
def received(settings: Callable[..., Settings]) -> Iterator[Receiver]:
    with receiver() as state:
        assert set_up_traces(settings(traces=state.url))
        try:
            yield state
        finally:
            shut_down_traces()
