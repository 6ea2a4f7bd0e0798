"""Switches traces on, where the settings name a receiver for them."""

from __future__ import annotations

import logging
import os
import threading
from typing import TYPE_CHECKING

from docpipe.settings import Settings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Tracer

SERVICE = "docpipe"
EXPORT_SECONDS = 5.0
"""Longest wait for the receiver; what it does not take by then is lost, and the work goes on."""

log = logging.getLogger(__name__)

_lock = threading.Lock()
_provider: TracerProvider | None = None
_was_refused = False


def set_up_traces(settings: Settings) -> bool:
    """Send traces to the receiver of the settings from now on, once a process; True where they are on.

    OpenTelemetry's own variables hold besides: `OTEL_SERVICE_NAME`, `OTEL_TRACES_SAMPLER`, `OTEL_EXPORTER_OTLP_HEADERS`.
    """
    global _provider, _was_refused
    with _lock:
        if _provider is None and settings.traces and not _was_refused:
            try:
                _provider = _sending_to(settings.traces)
            except ImportError:
                _was_refused = True
                log.warning("no traces: OpenTelemetry is not installed; pip install 'docpipe[tracing]', or unset DOCPIPE_TRACES")
        return _provider is not None


def tracer() -> Tracer | None:
    """None where traces are off."""
    return None if _provider is None else _provider.get_tracer(SERVICE)


def flush_traces() -> None:
    """Send what is waiting; for the end of a process, or of a step in one that lives on."""
    if _provider is not None:
        _provider.force_flush(round(EXPORT_SECONDS * 1_000))


def shut_down_traces() -> None:
    """Send what is waiting and switch traces off again."""
    global _provider, _was_refused
    with _lock:
        provider, _provider, _was_refused = _provider, None, False
    if provider is not None:
        provider.shutdown()


def _sending_to(url: str) -> TracerProvider:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    from docpipe.tracing.span_ids import PlannedIds

    resource = Resource.create({"service.name": os.environ.get("OTEL_SERVICE_NAME") or SERVICE})
    provider = TracerProvider(resource=resource, id_generator=PlannedIds())
    exporter = OTLPSpanExporter(endpoint=f"{url.rstrip('/')}/v1/traces", timeout=EXPORT_SECONDS)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider
