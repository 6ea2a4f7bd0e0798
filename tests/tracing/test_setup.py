from __future__ import annotations

import builtins
import logging
from collections.abc import Callable
from typing import Any

import pytest

from docpipe.errors import ConfigurationError
from docpipe.settings import Settings
from docpipe.tracing import flush_traces, set_up_traces, span
from docpipe.tracing.setup import shut_down_traces, tracer
from tests.servers import free_port
from tests.trace_receiver import receiver


def test_traces_are_off_by_default(settings: Callable[..., Settings]) -> None:
    assert not set_up_traces(settings())
    assert tracer() is None


def test_the_usual_variables_of_opentelemetry_hold(settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch) -> None:
    with receiver() as state:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"{state.url}/")
        monkeypatch.setenv("OTEL_SERVICE_NAME", "documents-of-sales")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20word")
        try:
            assert set_up_traces(settings())
            with span("tick"):
                pass
            flush_traces()
        finally:
            shut_down_traces()
        assert state.services == {"documents-of-sales"}
        assert {name.lower(): value for name, value in state.headers[0].items()}["authorization"] == "Bearer word"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_receiver_that_is_away_stops_no_work(settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("docpipe.tracing.setup.EXPORT_SECONDS", 0.3)
    try:
        assert set_up_traces(settings(traces=f"http://127.0.0.1:{free_port()}"))
        with span("tick"):
            done = True
        flush_traces()
    finally:
        shut_down_traces()
    assert done


def test_without_the_extra_a_warning_says_what_to_install(
    settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real = builtins.__import__

    def missing(name: str, *arguments: Any) -> Any:
        if name.startswith("opentelemetry.exporter"):
            raise ImportError(name)
        return real(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", missing)
    try:
        with caplog.at_level(logging.WARNING, "docpipe"):
            assert not set_up_traces(settings(traces="http://127.0.0.1:4318"))
            assert not set_up_traces(settings(traces="http://127.0.0.1:4318"))
        assert [record.getMessage().count("docpipe[tracing]") for record in caplog.records] == [1]
    finally:
        shut_down_traces()


def test_another_kind_of_address_is_refused(settings: Callable[..., Settings]) -> None:
    with pytest.raises(ConfigurationError, match="http"):
        settings(traces="127.0.0.1:4317")
