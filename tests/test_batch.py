from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docpipe import batch
from docpipe.batch import BatchLimits, Load, sized
from docpipe.ledger import PendingDocument

documents = st.lists(
    st.builds(PendingDocument, key=st.uuids().map(str), size=st.integers(0, 2_000), pages_estimate=st.integers(1, 50)),
    unique_by=lambda one: one.key,
)
LIMITS = BatchLimits(documents=5, size=3_000, pages=60)
FULL = BatchLimits(documents=100, size=10**9, pages=10**6)


def cut(waiting: list[PendingDocument], limits: BatchLimits) -> list[list[str]]:
    return [[document.key for document in one] for one in batch.cut(waiting, limits)]


def test_a_batch_ends_at_whichever_limit_comes_first() -> None:
    by_count = [PendingDocument(str(n), 1, 1) for n in range(7)]
    by_size = [PendingDocument(str(n), 1_400, 1) for n in range(3)]
    by_pages = [PendingDocument(str(n), 1, 40) for n in range(2)]
    assert cut(by_count, LIMITS) == [["0", "1", "2", "3", "4"], ["5", "6"]]
    assert cut(by_size, LIMITS) == [["0", "1"], ["2"]]
    assert cut(by_pages, LIMITS) == [["0"], ["1"]]


def test_a_document_over_a_limit_travels_alone() -> None:
    waiting = [PendingDocument("a", 1, 1), PendingDocument("huge", 10_000, 900), PendingDocument("b", 1, 1)]
    assert cut(waiting, LIMITS) == [["a"], ["huge"], ["b"]]


@given(documents)
def test_every_document_is_in_exactly_one_batch_within_the_limits(waiting: list[PendingDocument]) -> None:
    batches = cut(waiting, LIMITS)
    assert [key for keys in batches for key in keys] == [one.key for one in waiting]
    by_key = {one.key: one for one in waiting}
    for keys in batches:
        assert keys
        rows = [by_key[key] for key in keys]
        assert len(rows) <= LIMITS.documents
        assert len(rows) == 1 or (sum(one.size for one in rows) <= LIMITS.size and sum(one.pages_estimate for one in rows) <= LIMITS.pages)


def test_documents_whose_runs_died_travel_in_ever_smaller_company() -> None:
    fresh = [PendingDocument(f"fresh{n}", 1, 1) for n in range(50)]
    once = [PendingDocument(f"once{n}", 1, 1, attempts=1) for n in range(20)]
    twice = [PendingDocument(f"twice{n}", 1, 1, attempts=2) for n in range(3)]
    assert [len(keys) for keys in cut(fresh + once + twice, FULL)] == [50, 10, 10, 1, 1, 1]


@pytest.mark.parametrize(
    ("waiting", "oldest_seconds", "free_runs", "documents"),
    [
        (3, 1, 4, 20),  # an upload: one batch, begun at once
        (90, 5, 3, 30),  # shared by the runs that could begin
        (90, 5, 1, 90),
        (90, 5, 0, 90),  # no run is free: as if one were about to be
        (90, 700, 3, 100),  # behind: full batches are the cheapest
        (5_000, 5, 4, 100),  # a backlog: full whatever its age
        (0, 0, 4, 20),
    ],
)
def test_the_size_of_a_batch_follows_from_what_waits(waiting: int, oldest_seconds: float, free_runs: int, documents: int) -> None:
    assert sized(FULL, Load(waiting, oldest_seconds, free_runs), smallest=20, patience_seconds=600).documents == documents


def test_no_batch_is_larger_than_a_full_one_however_small_that_is() -> None:
    assert sized(LIMITS, Load(3, 1, 4), smallest=20, patience_seconds=600) == LIMITS
