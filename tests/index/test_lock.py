from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from docpipe.errors import IndexLocked
from docpipe.index.lock import acquire

HOLDER = """
import sys, time
from pathlib import Path
from docpipe.index.lock import acquire
lock = acquire(Path(sys.argv[1]), 0)
print("held", flush=True)
time.sleep(600)
"""


def hold(path: Path) -> subprocess.Popen[str]:
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout
    assert holder.stdout.readline() == "held\n"
    return holder


def end(holder: subprocess.Popen[str]) -> None:
    holder.send_signal(signal.SIGKILL)
    holder.communicate()


def test_another_process_is_named_and_its_death_frees_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "owner.lock"
    holder = hold(path)
    try:
        with pytest.raises(IndexLocked, match=f"process {holder.pid} on "):
            acquire(path, 0.1)
    finally:
        end(holder)
    acquire(path, 5).release()


def test_a_waiting_process_gets_its_turn(tmp_path: Path) -> None:
    path = tmp_path / "owner.lock"
    holder = hold(path)
    killer = threading.Timer(0.3, lambda: end(holder))
    killer.start()
    acquire(path, 60).release()
    killer.join()


def test_the_same_thread_is_told_at_once(tmp_path: Path) -> None:
    lock = acquire(tmp_path / "owner.lock", 0)
    with pytest.raises(IndexLocked, match="this thread"):
        acquire(tmp_path / "." / "owner.lock", 600)
    lock.release()
    lock.release()
    acquire(tmp_path / "owner.lock", 0).release()


def test_another_thread_of_the_process_waits(tmp_path: Path) -> None:
    path = tmp_path / "owner.lock"
    lock = acquire(path, 0)
    refused = []

    def attempt() -> None:
        try:
            acquire(path, 0.1).release()
        except IndexLocked as error:
            refused.append(str(error))

    for expected in (1, 1):
        thread = threading.Thread(target=attempt)
        thread.start()
        thread.join()
        assert len(refused) == expected
        lock.release()


def test_a_late_second_release_does_not_free_the_next_owner(tmp_path: Path) -> None:
    path = tmp_path / "owner.lock"
    first = acquire(path, 0)
    first.release()
    second = acquire(path, 0)
    first.release()
    with pytest.raises(IndexLocked):
        acquire(path, 0)
    second.release()


def test_a_forked_child_does_not_keep_its_dead_parents_lock(tmp_path: Path) -> None:
    path = tmp_path / "owner.lock"
    program = (
        "import os, sys, time\nfrom pathlib import Path\nfrom docpipe.index.lock import acquire\n"
        "lock = acquire(Path(sys.argv[1]), 0)\nchild = os.fork()\n"
        "if child == 0:\n    os.close(1)\n    time.sleep(600)\nprint(child, flush=True)\nos.kill(os.getpid(), 9)"
    )
    child = int(subprocess.run([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, check=False, text=True).stdout)
    try:
        acquire(path, 5).release()
    finally:
        os.kill(child, signal.SIGKILL)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pid": 1}'])
def test_a_damaged_lock_file_still_locks(tmp_path: Path, content: str) -> None:
    path = tmp_path / "owner.lock"
    holder = hold(path)
    path.write_text(content)
    try:
        with pytest.raises(IndexLocked, match="another process"):
            acquire(path, 0)
    finally:
        end(holder)
