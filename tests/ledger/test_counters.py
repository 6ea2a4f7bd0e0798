from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import pytest
from sqlalchemy import insert

from docpipe.errors import ConfigurationError
from docpipe.ledger import Ledger
from docpipe.ledger.schema import counters
from docpipe.metrics.sample import Sample
from tests.ledger import processes

ADDS = 25


def test_amounts_are_added_by_name_and_labels(ledger: Ledger) -> None:
    ledger.count([])
    assert ledger.counters() == []
    ledger.count([Sample("pages", 2), Sample("results", 1, {"stage": "chunks", "outcome": "made"}), Sample("pages", 3)])
    # The order in which labels are named makes no other series.
    ledger.count(
        [Sample("results", 0.5, {"outcome": "made", "stage": "chunks"}), Sample("results", 1, {"stage": "chunks", "outcome": "füße"})]
    )
    assert {(one.name, *sorted(one.labels.items())): one.value for one in ledger.counters()} == {
        ("pages",): 5,
        ("results", ("outcome", "made"), ("stage", "chunks")): 1.5,
        ("results", ("outcome", "füße"), ("stage", "chunks")): 1,
    }


def test_what_is_left_is_not_added_up(ledger: Ledger) -> None:
    ledger.leave([Sample("moment", 5)])
    ledger.leave([Sample("moment", 3)])
    assert ledger.counters() == [Sample("moment", 3)]


def test_no_addition_of_several_processes_is_lost(ledger: Ledger, ledger_url: str) -> None:
    with ProcessPoolExecutor(3, multiprocessing.get_context("forkserver")) as pool:
        for future in [pool.submit(processes.count, ledger_url, ADDS, reverse) for reverse in (False, True, False)]:
            future.result()
    assert ledger.counters() == [Sample("first", 3 * ADDS), Sample("second", 3 * ADDS)]


def test_labels_that_somebody_spoiled_are_named(ledger: Ledger) -> None:
    with ledger._database.write() as connection:
        connection.execute(insert(counters).values(name="pages", labels="[1]", value=1))
    with pytest.raises(ConfigurationError, match="pages"):
        ledger.counters()
