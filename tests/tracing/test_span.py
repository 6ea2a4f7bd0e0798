from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from docpipe.errors import ParseFailed
from docpipe.tracing import flush_traces, span
from tests.trace_receiver import Receiver


def test_spans_lie_in_each_other(received: Receiver) -> None:
    with span("outer", {"docpipe.run": "r1"}) as outer:
        with span("inner"):
            pass
        outer.note(documents=3)
        outer.event("document", document="a.pdf", seconds=0.5)
    flush_traces()
    (inner,), (found,) = received.named("inner"), received.named("outer")
    assert (inner.trace, inner.parent, found.parent) == (found.trace, found.id, "")
    assert found.attributes == {"docpipe.run": "r1", "documents": 3}
    assert found.events == (("document", {"document": "a.pdf", "seconds": 0.5}),)
    assert received.services == {"docpipe"}


def test_an_error_marks_all_that_it_leaves_by_its_class_alone(received: Receiver) -> None:
    with pytest.raises(ParseFailed), span("outer"), span("inner"):
        raise ParseFailed("the text of a document")
    flush_traces()
    assert [one.failed for one in received.spans] == ["ParseFailed", "ParseFailed"]
    assert "the text" not in repr(received.spans)


def test_what_threads_of_a_pool_do_is_part_of_the_only_work_there_is(received: Receiver) -> None:
    def ask() -> None:
        with span("asked"):
            pass

    with ThreadPoolExecutor(1) as pool:
        # The thread is there before the work begins, and knows nothing of its context.
        pool.submit(int).result()
        with span("work"):
            pool.submit(ask).result()
        pool.submit(ask).result()
    flush_traces()
    (work,) = received.named("work")
    assert [one.parent for one in received.named("asked")] == [work.id, ""]
