"""Traces that go on in other processes: told by a W3C `traceparent` (https://www.w3.org/TR/trace-context/), which runs have as a tag."""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

from docpipe.tracing.setup import tracer
from docpipe.tracing.span import Value, here

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import SpanContext

_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")


def traceparent() -> str:
    """The work around the code that runs now, to be told to another process; empty where traces are off."""
    around = _around()
    return "" if around is None else _text(around.trace_id, around.span_id, around.trace_flags)


def planned_child() -> str:
    """A part of the work around this code that begins and ends elsewhere: `record_planned` records it when it is over.

    Empty where traces are off.
    """
    around = _around()
    return "" if around is None else _text(around.trace_id, random.getrandbits(64) or 1, around.trace_flags)


def trace_of_run(run_id: str) -> str:
    """The `traceparent` of a run that nobody gave one: the same in all its processes."""
    digest = hashlib.sha256(run_id.encode()).hexdigest()
    return f"00-{digest[:32]}-{digest[32:48]}-01"


@contextmanager
def continued(parent: str) -> Iterator[None]:
    """What is recorded within the block is part of that work; a text that is no `traceparent` changes nothing."""
    context = _context(parent) if tracer() is not None else None
    if context is None:
        yield
        return
    with here.block(context):
        yield


def record_planned(
    name: str, planned: str, parent: str, began: datetime, ended: datetime, attributes: Mapping[str, Value], error: str = ""
) -> None:
    """Record a part that was planned, now that its beginning and its end are known; `error`: the class of what ended it."""
    found, place = tracer(), _TRACEPARENT.fullmatch(planned)
    if found is None or place is None:
        return
    from opentelemetry.context import Context
    from opentelemetry.trace import Status, StatusCode

    from docpipe.tracing.span_ids import planned_ids

    with planned_ids(int(place[1], 16), int(place[2], 16)):
        # An empty context has no span around, so that this one begins the trace.
        context = _context(parent) or Context()
        made = found.start_span(name, context=context, attributes=dict(attributes), start_time=_nanoseconds(began))
    if error:
        made.set_status(Status(StatusCode.ERROR, error))
    made.end(_nanoseconds(ended))


def _around() -> SpanContext | None:
    context = here.get() if tracer() is not None else None
    if context is None:
        return None
    from opentelemetry.trace import get_current_span

    return get_current_span(context).get_span_context()


def _context(parent: str) -> Context | None:
    match = _TRACEPARENT.fullmatch(parent)
    if match is None:
        return None
    from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

    remote = SpanContext(int(match[1], 16), int(match[2], 16), is_remote=True, trace_flags=TraceFlags(int(match[3], 16)))
    return set_span_in_context(NonRecordingSpan(remote)) if remote.is_valid else None


def _text(trace_id: int, span_id: int, flags: int) -> str:
    return f"00-{trace_id:032x}-{span_id:016x}-{flags:02x}"


def _nanoseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000_000) * 1_000
