from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from docpipe.batch import BatchLimits, cut
from docpipe.ledger import PendingDocument

documents = st.lists(
    st.builds(PendingDocument, key=st.uuids().map(str), size=st.integers(0, 2_000), pages_estimate=st.integers(1, 50)),
    unique_by=lambda one: one.key,
)
LIMITS = BatchLimits(documents=5, size=3_000, pages=60)


def test_a_batch_ends_at_whichever_limit_comes_first() -> None:
    by_count = [PendingDocument(str(n), 1, 1) for n in range(7)]
    by_size = [PendingDocument(str(n), 1_400, 1) for n in range(3)]
    by_pages = [PendingDocument(str(n), 1, 40) for n in range(2)]
    assert list(cut(by_count, LIMITS)) == [["0", "1", "2", "3", "4"], ["5", "6"]]
    assert list(cut(by_size, LIMITS)) == [["0", "1"], ["2"]]
    assert list(cut(by_pages, LIMITS)) == [["0"], ["1"]]


def test_a_document_over_a_limit_travels_alone() -> None:
    waiting = [PendingDocument("a", 1, 1), PendingDocument("huge", 10_000, 900), PendingDocument("b", 1, 1)]
    assert list(cut(waiting, LIMITS)) == [["a"], ["huge"], ["b"]]


@given(documents)
def test_every_document_is_in_exactly_one_batch_within_the_limits(waiting: list[PendingDocument]) -> None:
    batches = list(cut(waiting, LIMITS))
    assert [key for batch in batches for key in batch] == [one.key for one in waiting]
    by_key = {one.key: one for one in waiting}
    for batch in batches:
        assert batch
        rows = [by_key[key] for key in batch]
        assert len(rows) <= LIMITS.documents
        assert len(rows) == 1 or (sum(one.size for one in rows) <= LIMITS.size and sum(one.pages_estimate for one in rows) <= LIMITS.pages)


def test_documents_whose_runs_died_travel_in_ever_smaller_company() -> None:
    limits = BatchLimits(documents=100, size=10**9, pages=10**6)
    fresh = [PendingDocument(f"fresh{n}", 1, 1) for n in range(50)]
    once = [PendingDocument(f"once{n}", 1, 1, attempts=1) for n in range(20)]
    twice = [PendingDocument(f"twice{n}", 1, 1, attempts=2) for n in range(3)]
    assert [len(batch) for batch in cut(fresh + once + twice, limits)] == [50, 10, 10, 1, 1, 1]
