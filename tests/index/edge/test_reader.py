"""Readers of the embedded engine: beside writers, over forks, in many threads."""

from __future__ import annotations

import errno
import json
import os
import shutil
import threading
from contextlib import closing
from pathlib import Path

import pytest

from docpipe.errors import ConfigurationError, EmbeddingInvalid, IndexUnavailable
from docpipe.index import Selection
from docpipe.index.edge import EdgeCatalog, EdgeReader, EdgeWriter, reader
from docpipe.index.edge.place import Place
from tests.index.edge.embedded import collection_folder, run_until_killed, stored, write
from tests.index.entries import COLLECTION, axis, entry


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return collection_folder(tmp_path / "index")


def keys(index: EdgeReader) -> set[str]:
    return {str(match.payload["key"]) for match in index.search(axis(0), "zebra", 50, Selection())}


def generations(folder: Path) -> list[str]:
    return sorted(path.name for path in Place(folder).generations.iterdir() if path.is_dir())


def lock_files() -> list[str]:
    """Generations that this process keeps from being removed."""
    descriptors = Path("/proc/self/fd")
    targets = [os.path.realpath(descriptor) for descriptor in descriptors.iterdir()]
    return [target for target in targets if target.endswith(".lock") and "/generations/" in target]


def test_looking_leaves_nothing_behind(folder: Path) -> None:
    assert stored(folder) == {}
    assert not folder.exists()


def test_a_reader_keeps_its_generation_until_it_looks_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "LOOK_SECONDS", 3_600)
    write(folder, entry("a"))
    with closing(EdgeReader(folder, COLLECTION)) as index:
        write(folder, entry("b"))
        write(folder, entry("a", 2))
        assert keys(index) == {"a"}
        assert generations(folder) == ["000001", "000003"]
        index.refresh()
        assert keys(index) == {"a", "b"}
        write(folder, entry("c"))
        assert generations(folder) == ["000003", "000004"]
    write(folder, entry("d"))
    assert generations(folder) == ["000005"]


def test_searches_look_for_a_newer_generation_themselves(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "LOOK_SECONDS", 0)
    with closing(EdgeReader(folder, COLLECTION)) as index:
        assert keys(index) == set()
        write(folder, entry("a"))
        assert keys(index) == {"a"}
        assert index.passages([("a", 1, 1)])[0]["text"] == "lighthouse a"


def test_a_generation_is_let_go_after_the_last_search_in_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "LOOK_SECONDS", 3_600)
    write(folder, *(entry(f"d{number}") for number in range(5)))
    with closing(EdgeReader(folder, COLLECTION)) as index:
        with index._shard() as shard:
            write(folder, entry("d0", 2))
            index.refresh()
            assert shard is not None
            assert shard.info().points_count == 15
            write(folder, entry("d0", 3))
            assert generations(folder) == ["000001", "000002", "000003"]
        write(folder, entry("d0", 4))
        assert generations(folder) == ["000002", "000004"]


def test_threads_search_while_generations_come_and_go(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "LOOK_SECONDS", 0)
    write(folder, *(entry(f"d{number}", passages=2) for number in range(10)))
    expected = {f"d{number}" for number in range(10)}
    wrong: list[object] = []
    done = threading.Event()
    with closing(EdgeReader(folder, COLLECTION)) as index:

        def look() -> None:
            while not done.is_set():
                try:
                    if (found := keys(index)) != expected:
                        wrong.append(found)
                except Exception as error:  # noqa: BLE001 - the test fails with whatever it is
                    wrong.append(error)

        threads = [threading.Thread(target=look) for _ in range(2)]
        for thread in threads:
            thread.start()
        for generation in range(2, 5):
            write(folder, *(entry(f"d{number}", generation, passages=2) for number in range(10)))
        done.set()
        for thread in threads:
            thread.join()
    assert wrong == []


def test_what_a_killed_writer_wrote_is_shown_by_the_next_reader(folder: Path) -> None:
    run_until_killed(folder, "index.replace([entry('a')])\ndie()")
    assert not (folder / "current.json").exists()
    assert stored(folder) == {("a", 1): 3}
    assert (folder / "current.json").exists()


def test_a_live_writers_work_is_left_to_it(folder: Path) -> None:
    write(folder, entry("a"))
    with closing(EdgeWriter(folder, COLLECTION, 0)) as writer:
        writer.replace([entry("b")])
        assert stored(folder) == {("a", 1): 3}
        writer.replace([entry("c")])
    assert stored(folder) == {("a", 1): 3, ("b", 1): 3, ("c", 1): 3}


def test_what_cannot_be_recovered_now_leaves_what_is_shown(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    write(folder, entry("a"))
    run_until_killed(folder, "index.replace([entry('b')])\ndie()")
    with monkeypatch.context() as full:
        full.setattr("docpipe.index.edge.engine.free_bytes", lambda _: 0)
        assert stored(folder) == {("a", 1): 3}
    assert "cannot be shown yet" in caplog.text
    assert stored(folder) == {("a", 1): 3, ("b", 1): 3}


def test_a_forked_child_reads_on_its_own(folder: Path) -> None:
    write(folder, entry("a"))
    with closing(EdgeReader(folder, COLLECTION)) as index:
        assert keys(index) == {"a"}
        child = os.fork()
        if child == 0:
            code = 1
            try:
                code = 0 if keys(index) == {"a"} and len(lock_files()) == 1 else 2
                index.close()
                code = code or len(lock_files())
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert keys(index) == {"a"}


def test_a_folder_that_is_deleted_under_a_reader_is_noticed(folder: Path) -> None:
    write(folder, entry("a"))
    with closing(EdgeReader(folder, COLLECTION)) as index:
        shutil.rmtree(folder)
        assert keys(index) == {"a"}
        with pytest.raises(IndexUnavailable, match="deleted"):
            index.refresh()
        index._looked = 0
        for _ in range(2):
            with pytest.raises(IndexUnavailable, match="deleted"):
                keys(index)
    assert stored(folder) == {}


def test_a_collection_that_is_made_anew_under_a_reader_is_seen(folder: Path) -> None:
    write(folder, entry("a"), entry("b"))
    with closing(EdgeReader(folder, COLLECTION)) as index:
        shutil.rmtree(folder)
        write(folder, entry("c"))
        index.refresh()
        assert keys(index) == {"c"}


def test_a_generation_that_somebody_deleted_is_named(folder: Path) -> None:
    write(folder, entry("a"))
    shutil.rmtree(folder / "generations" / "000001")
    with pytest.raises(IndexUnavailable, match="generation 1"):
        EdgeReader(folder, COLLECTION)
    shutil.rmtree(folder / "generations")
    with pytest.raises(IndexUnavailable, match="generation 1"):
        EdgeReader(folder, COLLECTION)


def test_a_damaged_pointer_says_what_to_do(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "collection.json").write_text(json.dumps(dict(COLLECTION.record)))
    for content in ("", "{", "[]", "{}", '{"generation": "x", "points": 1}'):
        (folder / "current.json").write_text(content)
        for opening in (lambda: EdgeReader(folder, COLLECTION), lambda: write(folder, entry("b"))):
            with pytest.raises(ConfigurationError, match="docpipe check --repair"):
                opening()


def test_files_that_this_user_may_not_read_are_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_: Path) -> bytes:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    folder.mkdir(parents=True)
    monkeypatch.setattr(Path, "read_bytes", refused)
    for opening in (lambda: EdgeReader(folder, COLLECTION), lambda: EdgeCatalog(folder.parent, COLLECTION.alias).listed()):
        with pytest.raises(ConfigurationError, match="allow this user"):
            opening()


def test_going_over_to_another_generation_leaves_nothing_open(folder: Path) -> None:
    write(folder, entry("a"))
    with closing(EdgeReader(folder, COLLECTION)) as index:

        def go_over(times: int) -> tuple[int, int]:
            for _ in range(times):
                index._seen = (0, 0)
                index.refresh()
            return len(list(Path("/proc/self/fd").iterdir())), len(lock_files())

        before = go_over(1)
        assert go_over(30) == before
        assert len(lock_files()) == 1
    index.refresh()
    assert lock_files() == []


def test_a_query_of_another_model_says_so(folder: Path) -> None:
    write(folder, entry("a"))
    with closing(EdgeReader(folder, COLLECTION)) as index, pytest.raises(EmbeddingInvalid, match="8 dimensions"):
        index.search(axis(0)[:4], "zebra", 5, Selection())


def test_a_closed_reader_says_so(folder: Path) -> None:
    write(folder, entry("a"))
    index = EdgeReader(folder, COLLECTION)
    index.close()
    index.close()
    with pytest.raises(IndexUnavailable, match="open it again"):
        keys(index)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_folder_that_this_user_may_not_write_is_named(folder: Path) -> None:
    write(folder, entry("a"))
    for path in (folder, *folder.parents):
        if str(path).startswith("/tmp/"):
            path.chmod(path.stat().st_mode | 0o555)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.setgid(65_534)
            os.setuid(65_534)
            EdgeReader(folder, COLLECTION)
        except ConfigurationError as error:
            code = 0 if "allow this user" in str(error) else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
