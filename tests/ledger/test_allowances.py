from __future__ import annotations

import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor

import pytest
from sqlalchemy import select, update

from docpipe.ledger import Ledger
from docpipe.ledger.allowances import LONGEST_DEBT
from docpipe.ledger.schema import allowances
from tests.ledger import processes

PROCESSES = 3
_forkserver = multiprocessing.get_context("forkserver")
_forkserver.set_forkserver_preload(["tests.ledger.processes"])


def test_a_burst_is_free_and_the_rest_is_spread(ledger: Ledger) -> None:
    first, second, third, fourth = (ledger.take("api", 1, per_minute=1, burst=2) for _ in range(4))
    assert first == second == 0
    # One unit takes a minute; what passes between two reservations is much less.
    assert 30 < third <= 60
    assert 90 < fourth <= 120


def test_names_do_not_share(ledger: Ledger) -> None:
    assert ledger.take("one", 10, per_minute=1, burst=1) > 300
    assert ledger.take("two", 1, per_minute=1, burst=1) == 0


def test_more_than_the_burst_waits_for_its_share(ledger: Ledger) -> None:
    assert 30 < ledger.take("api", 2, per_minute=1, burst=1) <= 60


def test_what_was_not_used_is_given_back(ledger: Ledger) -> None:
    ledger.take("api", 9, per_minute=1, burst=1)
    ledger.take("api", -8, per_minute=1, burst=1)
    assert 30 < ledger.take("api", 1, per_minute=1, burst=1) <= 60


@pytest.mark.parametrize("jump", [86_400.0, -86_400.0], ids=["ahead", "behind"])
def test_a_clock_that_jumped_blocks_nobody_for_long(ledger: Ledger, jump: float) -> None:
    ledger.take("api", 1, per_minute=60, burst=1)
    with ledger._database.write() as connection:
        connection.execute(update(allowances).values(due=allowances.c.due + jump))
    assert ledger.take("api", 1, per_minute=60, burst=1) <= LONGEST_DEBT
    assert ledger.take("api", -LONGEST_DEBT, per_minute=60, burst=1) == 0


def test_processes_together_are_allowed_no_more_than_one(ledger: Ledger, ledger_url: str) -> None:
    began = time.time()
    rounds = 20
    with ProcessPoolExecutor(PROCESSES, mp_context=_forkserver) as pool:
        work = [pool.submit(processes.take_often, ledger_url, rounds) for _ in range(PROCESSES)]
        waits = [future.result() for future in work]
    # Half a second for each reservation: none of them was lost, and none was made of the same time as another.
    with ledger._database.read() as connection:
        due = connection.scalar(select(allowances.c.due).where(allowances.c.name == "api"))
    assert due is not None
    assert due >= began + PROCESSES * rounds * 0.5
    assert all(len(part) == rounds for part in waits)
