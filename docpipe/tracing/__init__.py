"""Where the time of a document goes, from the sensor's tick to the provider's answer, as OpenTelemetry traces; off by default."""

from docpipe.tracing.remote import continued, traceparent
from docpipe.tracing.setup import flush_traces, set_up_traces
from docpipe.tracing.span import Span, span

__all__ = ["Span", "continued", "flush_traces", "set_up_traces", "span", "traceparent"]
