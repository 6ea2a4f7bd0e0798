from __future__ import annotations

import multiprocessing
import sqlite3
from pathlib import Path

import pytest

from docpipe.embed.cache import cache_file
from docpipe.embed.cache.cache_file import PAGE_BYTES, CacheTooNew, inode_of, open_file, replace_file
from tests.embed.cache import cache_processes

_spawn = multiprocessing.get_context("spawn")


def pragma(file: sqlite3.Connection, name: str) -> object:
    return file.execute(f"PRAGMA {name}").fetchone()[0]


def test_it_is_made_as_measured(tmp_path: Path) -> None:
    file = open_file(tmp_path / "home" / "cache.sqlite")
    found = {name: pragma(file, name) for name in ("page_size", "journal_mode", "auto_vacuum", "user_version")}
    assert found == {"page_size": PAGE_BYTES, "journal_mode": "wal", "auto_vacuum": 2, "user_version": 1}
    file.close()


def test_processes_make_it_at_once(tmp_path: Path) -> None:
    path = tmp_path / "cache.sqlite"
    with _spawn.Pool(2) as pool:
        assert pool.starmap(cache_processes.keep_and_find, [(path, 0), (path, 100)]) == [200, 200]


def test_one_that_is_no_database_is_set_aside(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "cache.sqlite"
    path.write_bytes(b"something else\n" * 1_000)
    file = open_file(path)
    assert file.execute("SELECT count(*) FROM vectors").fetchone() == (0,)
    file.close()
    assert path.with_name("cache.sqlite.damaged").read_bytes().startswith(b"something else")
    assert "set aside as cache.sqlite.damaged" in caplog.text


def test_one_that_was_replaced_meanwhile_stays(tmp_path: Path) -> None:
    path = tmp_path / "cache.sqlite"
    open_file(path).close()
    before = inode_of(path)
    replace_file(path, before).close()
    after = inode_of(path)
    assert after != before
    replace_file(path, before).close()
    assert inode_of(path) == after
    assert inode_of(tmp_path / "none") == 0


def test_a_newer_one_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "cache.sqlite"
    with sqlite3.connect(path) as file:
        file.execute("PRAGMA user_version=9")
    file.close()
    with pytest.raises(CacheTooNew):
        open_file(path)
    assert not path.with_name("cache.sqlite.damaged").exists()


def test_a_process_that_hangs_while_opening_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_file, "BUSY_SECONDS", 0.05)
    path = tmp_path / "cache.sqlite"
    with cache_file._alone(path), pytest.raises(BlockingIOError):
        open_file(path)
    open_file(path).close()
