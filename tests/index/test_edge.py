"""What only the embedded engine has to stand: one owner, kill -9, a full disk, damage."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from docpipe.errors import ConfigurationError, IndexFull, IndexLocked, IndexUnavailable
from docpipe.index import edge as edge_module
from docpipe.index.edge import EdgeIndex
from tests.index.entries import COLLECTION, entry

KILLED = """
import os, sys
from pathlib import Path
from docpipe.index.edge import EdgeIndex
from tests.index.entries import COLLECTION, entry

index = EdgeIndex(Path(sys.argv[1]), COLLECTION, 1.0)
index.replace([entry(f"d{{number}}", passages=40) for number in range(50)])
{then}
os.kill(os.getpid(), 9)
"""


def opened(folder: Path) -> EdgeIndex:
    return EdgeIndex(folder, COLLECTION, 1.0)


def stored(folder: Path) -> dict[tuple[str, int], int]:
    with closing(opened(folder)) as index:
        return {(key, generation): points for key, generation, points in index.inventory()}


def run_until_killed(folder: Path, then: str) -> None:
    command = [sys.executable, "-c", KILLED.format(then=then), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2])
    assert done.returncode == -signal.SIGKILL, done.stderr


def test_nothing_is_lost_when_the_process_is_killed_after_a_write(tmp_path: Path) -> None:
    run_until_killed(tmp_path / "index", "")
    assert stored(tmp_path / "index") == {(f"d{number}", 1): 40 for number in range(50)}


def test_a_kill_between_the_halves_of_a_replacement_heals(tmp_path: Path) -> None:
    die = "EdgeIndex._delete_stale = lambda *_: os.kill(os.getpid(), 9)"
    run_until_killed(tmp_path / "index", f"{die}\nindex.replace([entry('d0', 2, passages=5)])")
    between = stored(tmp_path / "index")
    assert (between["d0", 1], between["d0", 2]) == (40, 5)
    with closing(opened(tmp_path / "index")) as index:
        index.replace([entry("d0", 2, passages=5)])
    healed = stored(tmp_path / "index")
    assert healed == {("d0", 2): 5} | {(f"d{number}", 1): 40 for number in range(1, 50)}


def test_a_kill_while_the_collection_is_created_heals(tmp_path: Path) -> None:
    folder = tmp_path / "index"
    program = KILLED.replace("index.replace(", "Path.rename = lambda *_: os.kill(os.getpid(), 9)\nindex.replace(", 1).format(then="")
    done = subprocess.run([sys.executable, "-c", program, str(folder)], check=False, cwd=Path(__file__).parents[2])
    assert done.returncode == -signal.SIGKILL
    assert (folder / "shard.new").exists()
    with closing(opened(folder)) as index:
        index.replace([entry("a")])
    assert stored(folder) == {("a", 1): 3}


def test_a_second_owner_is_kept_away_and_harms_nothing(tmp_path: Path) -> None:
    with closing(opened(tmp_path / "index")) as index:
        index.replace([entry("a")])
        program = (
            "import sys; from pathlib import Path; from docpipe.index.edge import EdgeIndex; from tests.index.entries import COLLECTION\n"
            "from docpipe.errors import IndexLocked\n"
            "try:\n    EdgeIndex(Path(sys.argv[1]), COLLECTION, 0.1)\nexcept IndexLocked as error:\n    print(error)"
        )
        command = [sys.executable, "-c", program, str(tmp_path / "index")]
        said = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2]).stdout
        assert "is in use by process" in said
        with pytest.raises(IndexLocked):
            opened(tmp_path / "index")
        index.replace([entry("b")])
    assert stored(tmp_path / "index") == {("a", 1): 3, ("b", 1): 3}


def test_looking_leaves_nothing_but_a_lock_file(tmp_path: Path) -> None:
    assert stored(tmp_path / "index") == {}
    assert [path.name for path in (tmp_path / "index").iterdir()] == ["owner.lock"]


def test_a_failed_opening_lets_go_of_the_lock(tmp_path: Path) -> None:
    (tmp_path / "index").mkdir()
    (tmp_path / "index" / "collection.json").write_text("{")
    for _ in range(2):
        with pytest.raises(ConfigurationError, match="damaged"):
            opened(tmp_path / "index")


def test_a_shard_without_its_record_is_not_guessed_at(tmp_path: Path) -> None:
    with closing(opened(tmp_path / "index")) as index:
        index.replace([entry("a")])
    (tmp_path / "index" / "collection.json").unlink()
    with pytest.raises(ConfigurationError, match="docpipe check --repair"):
        opened(tmp_path / "index")


def test_a_damaged_shard_says_what_to_do(tmp_path: Path) -> None:
    with closing(opened(tmp_path / "index")) as index:
        index.replace([entry("a")])
    for file in (tmp_path / "index" / "shard").rglob("*.json"):
        file.write_text("{")
    with pytest.raises(IndexUnavailable, match="delete"):
        opened(tmp_path / "index")


def test_a_full_disk_is_noticed_before_the_engine_meets_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(opened(tmp_path / "index")) as index:
        index.replace([entry("a")])
        with monkeypatch.context() as full:
            full.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=edge_module.RESERVE_BYTES - 1))
            with pytest.raises(IndexFull, match="free space"):
                index.replace([entry("b")])
            with pytest.raises(IndexFull):
                index.delete(["a"])
        index.replace([entry("c")])
    assert stored(tmp_path / "index") == {("a", 1): 3, ("c", 1): 3}


def test_an_index_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "index").write_text("a file where the folder should be")
    with pytest.raises(ConfigurationError, match="cannot be used"):
        opened(tmp_path / "index" / "collection")
