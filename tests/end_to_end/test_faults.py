"""The world around the pipeline fails: a full disk, a locked index, a locked ledger."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from docpipe.consistency import check
from docpipe.embed.model import find_model
from docpipe.errors import BucketFull, IndexLocked, TransientError
from docpipe.index.collection import collection_for
from docpipe.ledger import Ledger
from docpipe.models import DocumentStatus, StageName
from docpipe.settings import Settings
from tests.end_to_end.home import RUN, TEXTS, look, opened, run

ROOT = Path(__file__).parents[2]
HOLD_INDEX = """
import sys
from pathlib import Path
from docpipe.index.lock import acquire
lock = acquire(Path(sys.argv[1]), 0)
print("held", flush=True)
sys.stdin.read(1)
"""
HOLD_LEDGER = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
time.sleep(float(sys.argv[2]))
connection.execute("ROLLBACK")
"""


@contextmanager
def another_process(script: str, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that holds something until the block ends."""
    command = [sys.executable, "-c", script, *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout
            assert process.stdout.readline() == b"held\n"
            yield process
        finally:
            process.kill()


@pytest.fixture
def bucket(settings: Callable[..., Settings], tmp_path: Path) -> Path:
    """A folder with two small documents; the fixture `settings` has cleaned the environment."""
    folder = tmp_path / "bucket"
    folder.mkdir()
    for name in ("gate.txt", "words.txt"):
        (folder / name).write_text(TEXTS[name])
    return folder


def test_a_full_disk_stops_the_run_and_room_lets_it_go_on(bucket: Path, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    store = tmp_path / "store"
    store.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(store)], check=False, capture_output=True).returncode:
        pytest.skip("this system does not let root mount a file system")
    try:
        (store / "filler").write_bytes(bytes(48 * 1024))
        # Not to be compressed away.
        (bucket / "gate.txt").write_bytes(os.urandom(30 * 1024).hex().encode())
        with opened(tmp_path / "home", bucket, artifacts=store.as_uri()) as pipeline:
            look(pipeline)
            with pytest.raises(BucketFull):
                run(pipeline, [StageName.PARSED_PAGES])
            assert not [path for path in store.rglob("*") if path.is_file() and path.suffix != ".zst" and path.name != "filler"]
            assert DocumentStatus.FAILED not in pipeline.ledger.summary().documents
            subprocess.run(["mount", "-o", "remount,size=64m", str(store)], check=True)
            pipeline.ledger.close_run(RUN, max_attempts=3)
            results = run(pipeline, [StageName.PARSED_PAGES, StageName.CHUNKS])
            assert not [result.error for result in results if result.error]
    finally:
        subprocess.run(["umount", "--lazy", str(store)], check=True)


def test_an_index_that_another_process_owns_is_never_opened(bucket: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    with opened(home, bucket, index_lock_seconds=0.1, max_attempts=1) as pipeline:
        keys = look(pipeline)
        run(pipeline, list(StageName)[:-1])
        collection = collection_for(pipeline.settings, find_model(pipeline.settings))
        folder = home / "index" / collection.name
        folder.mkdir(parents=True)
        with another_process(HOLD_INDEX, str(folder / "owner.lock")) as owner:
            results = run(pipeline, [StageName.INDEXED_VECTORS])
            assert [type(result.error) for result in results] == [IndexLocked, IndexLocked]
            assert all(f"process {owner.pid}" in str(result.error) for result in results)
            # Who only looks waits for nobody.
            assert check(pipeline).points == 0
            assert [path.name for path in folder.iterdir()] == ["owner.lock"]
        # An index that somebody else holds says nothing against the documents: they wait, and none of their attempts is used up.
        assert [(one.status, one.attempts) for one in pipeline.ledger.all_documents()] == [(DocumentStatus.PENDING, 0)] * len(keys)
        results = run(pipeline)
        assert [result.reused for result in results].count(False) == len(keys)
        assert pipeline.ledger.summary().documents == {DocumentStatus.INDEXED: len(keys)}
        assert check(pipeline).inconsistencies == []


def test_a_ledger_that_is_locked_for_a_moment_is_waited_for(bucket: Path, tmp_path: Path) -> None:
    with opened(tmp_path / "home", bucket) as pipeline:
        look(pipeline)
        with another_process(HOLD_LEDGER, str(tmp_path / "home" / "ledger.sqlite"), "1.5"):
            results = run(pipeline, [StageName.PARSED_PAGES])
        assert not [result.error for result in results if result.error]


def test_a_ledger_that_stays_locked_ends_the_run_with_advice_and_loses_nothing(bucket: Path, tmp_path: Path) -> None:
    with opened(tmp_path / "home", bucket) as pipeline:
        look(pipeline)
        pipeline.ledger.close()
        pipeline.__dict__["ledger"] = Ledger.open(pipeline.settings.ledger_url, wait_seconds=0.1)
        with (
            another_process(HOLD_LEDGER, str(tmp_path / "home" / "ledger.sqlite"), "60"),
            pytest.raises(TransientError, match="write lock: try again"),
        ):
            run(pipeline, [StageName.PARSED_PAGES])
        pipeline.ledger.close_run(RUN, max_attempts=3)
        results = run(pipeline, [StageName.PARSED_PAGES, StageName.CHUNKS])
        assert len(results) == 4
        assert not [result.error for result in results if result.error]
