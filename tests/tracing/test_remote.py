from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from docpipe.tracing import continued, flush_traces, span, traceparent
from docpipe.tracing.remote import planned_child, record_planned, trace_of_run
from tests.trace_receiver import Receiver

BEGAN = datetime(2026, 11, 22, 12, tzinfo=UTC)
ENDED = BEGAN + timedelta(seconds=90)


def test_a_trace_goes_on_elsewhere_and_its_middle_is_told_at_the_end(received: Receiver) -> None:
    with span("tick"):
        tick, run = traceparent(), planned_child()
    # In another process, with the text alone.
    with continued(run), span("stage"):
        pass
    record_planned("run", run, tick, BEGAN, ENDED, {"docpipe.job": "index_documents"}, "failure")
    flush_traces()
    (first,), (middle,), (last,) = received.named("tick"), received.named("run"), received.named("stage")
    assert (middle.parent, last.parent) == (first.id, middle.id)
    assert len({first.trace, middle.trace, last.trace}) == 1
    assert (middle.seconds, middle.failed) == (90, "failure")


def test_a_run_that_nobody_planned_has_a_trace_that_follows_from_its_id(received: Receiver) -> None:
    assert trace_of_run("a run") == trace_of_run("a run") != trace_of_run("another run")
    for _ in range(2):
        with continued(trace_of_run("a run")), span("stage"):
            pass
    record_planned("run", trace_of_run("a run"), "", BEGAN, ENDED, {})
    flush_traces()
    (run,) = received.named("run")
    assert run.parent == ""
    assert {(one.trace, one.parent) for one in received.named("stage")} == {(run.trace, run.id)}
    assert trace_of_run("a run") == f"00-{run.trace}-{run.id}-01"


@pytest.mark.parametrize("text", ["", "nonsense", f"00-{'0' * 32}-{'0' * 16}-01", f"00-{'g' * 32}-{'1' * 16}-01", "00-1-2-01\n"])
def test_a_tag_that_somebody_spoiled_begins_a_trace_of_its_own(received: Receiver, text: str) -> None:
    with continued(text), span("stage"):
        pass
    record_planned("run", text, text, BEGAN, ENDED, {})
    flush_traces()
    assert [(one.name, one.parent) for one in received.spans if one.name == "stage"] == [("stage", "")]


def test_what_is_not_sampled_is_not_sampled_elsewhere_either(received: Receiver) -> None:
    with continued(f"00-{'a' * 32}-{'b' * 16}-00"), span("stage"):
        assert planned_child().endswith("-00")
    flush_traces()
    assert received.spans == []


def test_without_a_receiver_nothing_is_told() -> None:
    with span("tick"):
        assert (traceparent(), planned_child()) == ("", "")
    with continued(trace_of_run("a run")):
        assert traceparent() == ""
    record_planned("run", trace_of_run("a run"), "", BEGAN, ENDED, {})
