"""Several processes and one ledger; processes that are killed."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from docpipe.errors import TransientError
from docpipe.ledger import Ledger
from docpipe.models import DocumentStatus, StageName
from tests.ledger import processes
from tests.ledger.arrivals import register

PROCESSES = 8
# Fresh processes without this one's threads and connections, that import everything once and not each for itself.
_forkserver = multiprocessing.get_context("forkserver")
_forkserver.set_forkserver_preload(["tests.ledger.processes"])


def test_processes_open_a_fresh_ledger_at_once(ledger_url: str, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    with ProcessPoolExecutor(3, mp_context=_forkserver) as pool:
        opened = [pool.submit(processes.open_at_once, ledger_url, gate) for _ in range(3)]
        gate.touch()
        assert [future.result() for future in opened] == ["0"] * 3


def test_no_count_is_lost_and_nothing_is_claimed_twice(ledger: Ledger, ledger_url: str) -> None:
    register(ledger, "shared")
    ledger.queue("b0", ["shared"])
    keys = register(ledger, *(f"{number:03}" for number in range(100)))
    rounds = 10
    with ProcessPoolExecutor(PROCESSES, mp_context=_forkserver) as pool:
        work = [pool.submit(processes.count_and_claim, ledger_url, f"p{number}", rounds) for number in range(PROCESSES)]
        claimed = [future.result() for future in work]
    assert ledger.stage_states(["shared"])["shared", StageName.PARSED_PAGES].attempts == PROCESSES * rounds
    assert sorted(key for part in claimed for key in part) == sorted(keys)
    assert sum(batch.documents for batch in ledger.open_batches()) == len(keys) + 1


def test_two_sensors_register_the_same_objects_once(ledger: Ledger, ledger_url: str, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    with ProcessPoolExecutor(3, mp_context=_forkserver) as pool:
        work = [pool.submit(processes.register_same, ledger_url, gate) for _ in range(3)]
        gate.touch()
        registered = [key for future in work for key in future.result()]
    assert sorted(registered) == [f"{number:03}" for number in range(300)]
    assert {document.generation for document in ledger.all_documents()} == {1}


def test_a_transaction_that_is_killed_never_was(ledger: Ledger, ledger_url: str) -> None:
    register(ledger, "a", "b")
    before = list(ledger.all_documents())
    receiver, sender = _forkserver.Pipe(duplex=False)
    process = _forkserver.Process(target=processes.hold_the_write_lock, args=(ledger_url, sender))
    process.start()
    assert receiver.recv()
    assert list(ledger.all_documents()) == before
    with Ledger.open(ledger_url, wait_seconds=0.2) as impatient, pytest.raises(TransientError, match="try again"):
        impatient.queue("b1", ["a"])
    process.kill()
    process.join()
    assert list(ledger.all_documents()) == before
    assert ledger.queue("b1", ["a"]) == ["a"]


@pytest.mark.parametrize("batches", [1, 5])
def test_a_worker_that_is_killed_leaves_a_consistent_ledger(ledger: Ledger, ledger_url: str, batches: int) -> None:
    receiver, sender = _forkserver.Pipe(duplex=False)
    process = _forkserver.Process(target=processes.work_until_killed, args=(ledger_url, sender))
    process.start()
    finished = [receiver.recv() for _ in range(batches)]
    process.kill()
    process.join()
    found = {batch.batch_id: batch for batch in ledger.open_batches()}
    assert set(finished) <= set(found)
    for batch in found.values():
        assert len(ledger.batch_keys(batch.batch_id)) == batch.documents == batch.unfinished == 50
    documents = list(ledger.all_documents())
    assert len(documents) % 50 == 0
    assert all((document.status is DocumentStatus.QUEUED) == (document.batch_id in found) for document in documents)
    assert {document.status for document in documents} <= {DocumentStatus.QUEUED, DocumentStatus.PENDING}
