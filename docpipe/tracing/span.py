"""A piece of work with a beginning and an end, in a trace with what it is part of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from docpipe.innermost import Innermost
from docpipe.tracing.setup import tracer

if TYPE_CHECKING:
    from opentelemetry import trace
    from opentelemetry.context import Context

Value = str | int | float | bool

here: Innermost[Context] = Innermost("span")
"""What is around the code that runs now. A thread of a pool sees the only work of its process, so that what it does is part of that."""


class Span:
    """What the work says about itself; where traces are off, nobody listens."""

    def __init__(self, span: trace.Span | None = None) -> None:
        self._span = span

    def note(self, **attributes: Value) -> None:
        """Say more about the whole."""
        if self._span is not None:
            self._span.set_attributes(attributes)

    def event(self, name: str, **attributes: Value) -> None:
        """Say what happened at this moment. OpenTelemetry keeps 128 of a span (`OTEL_SPAN_EVENT_COUNT_LIMIT`), the newest."""
        if self._span is not None:
            self._span.add_event(name, attributes)

    def fail(self, error: BaseException) -> None:
        """The work failed; only the class of the error is told, since messages may quote documents."""
        if self._span is not None:
            from opentelemetry.trace import Status, StatusCode

            self._span.set_status(Status(StatusCode.ERROR, type(error).__name__))


@contextmanager
def span(name: str, attributes: Mapping[str, Value] | None = None) -> Iterator[Span]:
    """Record the block as a part of what is around it; an error that leaves the block marks it as failed."""
    found = tracer()
    if found is None:
        yield Span()
        return
    from opentelemetry.trace import set_span_in_context

    started = found.start_span(name, context=here.get(), attributes=dict(attributes or {}))
    made = Span(started)
    try:
        with here.block(set_span_in_context(started)):
            yield made
    except BaseException as error:
        made.fail(error)
        raise
    finally:
        started.end()
