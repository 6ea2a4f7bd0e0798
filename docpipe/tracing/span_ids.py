"""Ids of spans; one that was promised to others beforehand is used when its span is made at last."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

_planned: ContextVar[tuple[int, int] | None] = ContextVar("planned_ids", default=None)
"""Of the trace and of the span."""


class PlannedIds(RandomIdGenerator):
    """Random ones, but for planned ones."""

    def generate_trace_id(self) -> int:
        planned = _planned.get()
        return planned[0] if planned else super().generate_trace_id()

    def generate_span_id(self) -> int:
        planned = _planned.get()
        return planned[1] if planned else super().generate_span_id()


@contextmanager
def planned_ids(trace_id: int, span_id: int) -> Iterator[None]:
    """The span that is begun within the block has these."""
    token = _planned.set((trace_id, span_id))
    try:
        yield
    finally:
        _planned.reset(token)
