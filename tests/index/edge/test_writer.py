"""What the embedded writer has to stand: kill -9 anywhere, one owner, a full disk, damage, forks."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest
from qdrant_edge import EdgeShard

from docpipe.errors import ConfigurationError, DocpipeError, IndexFull, IndexLocked, IndexUnavailable
from docpipe.index import Entry
from docpipe.index.edge import EdgeCatalog, EdgeReader, EdgeWriter, compaction, writer
from docpipe.index.edge.compaction import segments
from docpipe.index.edge.engine import RESERVE_BYTES
from docpipe.index.edge.place import Place
from docpipe.index.edge.shard import replace_documents
from docpipe.index.point import UPSERT_POINTS, StoredPoint
from tests.index.edge.embedded import collection_folder, run, run_until_killed, start, stored, write
from tests.index.entries import COLLECTION, entry

ALL = {(f"d{number}", 1): 40 for number in range(10)}
WRITE_ALL = "index.replace([entry(f'd{number}', passages=40) for number in range(10)])\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return collection_folder(tmp_path / "index")


def test_nothing_is_lost_when_the_process_is_killed_after_a_write(folder: Path) -> None:
    run_until_killed(folder, WRITE_ALL + "index.delete(['d3'])\ndie()")
    assert stored(folder) == {place: points for place, points in ALL.items() if place[0] != "d3"}


@pytest.mark.parametrize(("generation", "passages"), [(2, 5), (1, 50)], ids=["new-generation", "same-generation"])
def test_a_kill_between_the_halves_of_a_replacement_shows_none_of_it(folder: Path, generation: int, passages: int) -> None:
    cut = "def half(shard, entries, slices, before):\n    stock(shard, [], slices, before)\n    shard.flush()\n    die()\n"
    again = f"stock = writer.replace_documents\n{cut}writer.replace_documents = half\n"
    run_until_killed(folder, f"{WRITE_ALL}{again}index.replace([entry('d0', {generation}, passages={passages})])")
    assert stored(folder) == ALL
    write(folder, entry("d0", generation, passages=passages))
    assert stored(folder) == {place: points for place, points in ALL.items() if place[0] != "d0"} | {("d0", generation): passages}


@pytest.mark.parametrize(
    "step",
    [
        "writer.settle",
        "generation.own_files",
        "generation.Path.rename",
        "generation.write_json",
        "generation.collect",
        "place.sync",
        "generation.alone",
    ],
)
def test_a_kill_while_a_generation_is_shown_loses_and_doubles_nothing(folder: Path, step: str) -> None:
    write(folder, entry("d0", passages=3), entry("old", passages=2))
    run_until_killed(folder, f"{WRITE_ALL}index.replace([entry('new')])\n{step} = die\nindex.close()")
    expected = ALL | {("old", 1): 2, ("new", 1): 3}
    assert stored(folder) == expected
    write(folder, entry("old", 2, passages=1))
    assert stored(folder) == ALL | {("old", 2): 1, ("new", 1): 3}
    place = Place(folder)
    shown = place.shown()
    assert shown is not None
    assert {path.name for path in place.generations.iterdir()} == {f"{shown.number:06d}", f"{shown.number:06d}.lock"}


@pytest.mark.parametrize("step", ["writer.write_json", "writer.activate_first", "writer.create_shard", "writer.Journal.append"])
def test_a_kill_while_a_collection_is_created_heals(folder: Path, step: str) -> None:
    run_until_killed(folder, f"{step} = die\nindex.replace([entry('a')])")
    assert stored(folder) == {}
    write(folder, entry("b"))
    assert stored(folder) == {("b", 1): 3}


def test_readers_see_every_document_once_and_whole_while_writers_are_killed(folder: Path) -> None:
    """Generation g of document n has g + n passages; a writer is killed after it said one line, the next two, the last three."""
    write(folder, *(entry(f"d{number}", passages=1 + number) for number in range(4)))
    program = (
        "from itertools import count\n"
        "begin = max(generation for _, generation, _ in EdgeReader(folder, COLLECTION).inventory())\n"
        "for generation in count(begin + 1):\n"
        "    for number in range(4):\n"
        "        index.replace([entry(f'd{number}', generation, passages=generation + number)])\n"
        "    print(generation, flush=True)\n"
        "    index.close()\n"
        "    index = EdgeWriter(folder, COLLECTION, 5.0)\n"
    )
    looks = 0
    seen = set()
    with closing(EdgeReader(folder, COLLECTION)) as reader:
        for lines in range(1, 4):
            process = start(folder, program)
            assert process.stdout
            try:
                for _ in range(lines):
                    assert process.stdout.readline()
                    looks += 1
                    reader.refresh()
                    found = list(reader.inventory())
                    assert sorted(key for key, _, _ in found) == [f"d{number}" for number in range(4)]
                    assert all(points == generation + int(key[1:]) for key, generation, points in found)
                    seen |= {generation for _, generation, _ in found}
            finally:
                process.kill()
                process.communicate()
            assert all(points == generation + int(key[1:]) for (key, generation), points in stored(folder).items())
    assert looks == 6
    assert len(seen) > 3


def test_a_second_writer_is_kept_away_and_harms_nothing(folder: Path) -> None:
    with closing(EdgeWriter(folder, COLLECTION, 1.0)) as index:
        index.replace([entry("a")])
        done = run(folder, "")
        assert "IndexLocked" in done.stderr
        assert f"process {os.getpid()} on" in done.stderr
        with pytest.raises(IndexLocked):
            EdgeWriter(folder, COLLECTION, 0)
        index.replace([entry("b")])
    assert stored(folder) == {("a", 1): 3, ("b", 1): 3}


def test_opening_leaves_nothing_but_a_lock_file(folder: Path) -> None:
    with closing(EdgeWriter(folder, COLLECTION, 0)) as index:
        index.delete(["nobody"])
        index.replace([])
        index.replace([Entry("empty", 1, {})])
    assert [path.name for path in folder.iterdir()] == ["owner.lock"]


def test_a_document_that_is_given_twice_is_refused_before_anything_is_written(folder: Path) -> None:
    with closing(EdgeWriter(folder, COLLECTION, 0)) as index, pytest.raises(ValueError, match="twice"):
        index.replace([entry("a", 1), entry("b"), entry("a", 2)])
    assert [path.name for path in folder.iterdir()] == ["owner.lock"]


def test_a_file_system_without_locks_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    write(folder, entry("a"))
    monkeypatch.setattr(fcntl, "flock", refused)
    for opening in (
        lambda: EdgeWriter(folder, COLLECTION, 0),
        lambda: EdgeReader(folder, COLLECTION),
        lambda: EdgeCatalog(folder.parent, COLLECTION.alias).activate(COLLECTION.name),
    ):
        with pytest.raises(ConfigurationError, match="local disk"):
            opening()


def test_a_failed_opening_lets_go_of_the_lock(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "collection.json").write_text("{")
    for _ in range(2):
        with pytest.raises(ConfigurationError, match="damaged"):
            EdgeWriter(folder, COLLECTION, 0)


def test_an_index_without_its_record_is_not_guessed_at(folder: Path) -> None:
    write(folder, entry("a"))
    (folder / "collection.json").unlink()
    for _ in range(2):
        with pytest.raises(ConfigurationError, match="docpipe check --repair"):
            EdgeWriter(folder, COLLECTION, 0)


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "index").write_text("a file where the folder should be")
    with pytest.raises(ConfigurationError, match="cannot be used"):
        EdgeWriter(tmp_path / "index" / COLLECTION.name, COLLECTION, 0)


def test_a_damaged_shard_says_what_to_do_and_is_not_shown(folder: Path) -> None:
    write(folder, entry("a"))
    for file in (folder / "generations" / "000001").rglob("segment.json"):
        file.write_text("{")
    with closing(EdgeWriter(folder, COLLECTION, 0)) as index, pytest.raises(IndexUnavailable, match="delete"):
        index.replace([entry("b")])
    assert Place(folder).shown() is not None
    with pytest.raises(IndexUnavailable, match="delete"):
        stored(folder)


def test_a_full_disk_is_noticed_before_the_engine_meets_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(EdgeWriter(folder, COLLECTION, 0)) as index:
        index.replace([entry("a")])
        with monkeypatch.context() as full:
            full.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=RESERVE_BYTES - 1))
            with pytest.raises(IndexFull, match="free space"):
                index.replace([entry("b")])
            with pytest.raises(IndexFull):
                index.delete(["a"])
        index.replace([entry("c")])
    assert stored(folder) == {("a", 1): 3, ("c", 1): 3}


def test_a_disk_that_fills_up_on_the_way_undoes_the_call(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with closing(EdgeWriter(folder, COLLECTION, 0)) as index:
        index.replace([entry("a"), entry("b")])
        with monkeypatch.context() as context:
            context.setattr(os, "fsync", full)
            with pytest.raises(IndexFull, match="free space"):
                index.replace([entry("a", 2), entry("c")])
        index.replace([entry("d")])
    assert stored(folder) == {("a", 1): 3, ("b", 1): 3, ("d", 1): 3}


def test_a_disk_that_is_full_when_a_generation_is_shown_loses_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    write(folder, entry("a"))
    index = EdgeWriter(folder, COLLECTION, 0)
    index.replace([entry("b")])
    with monkeypatch.context() as context:
        context.setattr(Path, "rename", full)
        with pytest.raises(IndexFull, match="full"):
            index.close()
    assert stored(folder) == {("a", 1): 3, ("b", 1): 3}


def test_what_the_engine_refuses_is_undone_and_not_repeated(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(shard: EdgeShard, entries: object, slices: Iterable[Sequence[StoredPoint]], before: Callable[[], None]) -> None:
        replace_documents(shard, [], slices, before)
        raise Exception("no segment left")  # noqa: TRY002 - what the engine raises

    with closing(EdgeWriter(folder, COLLECTION, 0)) as index:
        index.replace([entry("a")])
        with monkeypatch.context() as context:
            context.setattr(writer, "replace_documents", refused)
            with pytest.raises(IndexUnavailable, match="no segment left"):
                index.replace([entry("a", 2)])
        index.replace([entry("b")])
    assert stored(folder) == {("a", 1): 3, ("b", 1): 3}


def test_a_folder_that_is_deleted_while_it_is_written_is_noticed(folder: Path) -> None:
    index = EdgeWriter(folder, COLLECTION, 0)
    index.replace([entry("a")])
    shutil.rmtree(folder)
    with pytest.raises(IndexUnavailable, match="deleted"):
        index.replace([entry("b")])
    index.close()
    assert not folder.exists()
    write(folder, entry("c"))
    assert stored(folder) == {("c", 1): 3}


def test_a_forked_child_cannot_write_and_harms_nothing(folder: Path) -> None:
    program = (
        "index.replace([entry('a')])\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    try:\n        index.replace([entry('b')])\n"
        "    except Exception as error:\n        print(type(error).__name__, flush=True)\n"
        "    index.close()\n"
        "    os._exit(0)\n"
        "os.waitpid(child, 0)\n"
        "index.replace([entry('c')])\nindex.close()\n"
    )
    done = run(folder, program)
    assert (done.returncode, done.stdout) == (0, "IndexUnavailable\n"), done.stderr
    assert stored(folder) == {("a", 1): 3, ("c", 1): 3}


def test_a_closed_writer_says_so(folder: Path) -> None:
    index = EdgeWriter(folder, COLLECTION, 0)
    index.close()
    index.close()
    with pytest.raises(IndexUnavailable, match="open it again"):
        index.replace([entry("a")])


@pytest.fixture
def small_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    """A graph from 200 points on."""
    monkeypatch.setattr(compaction, "INDEX_POINTS", 200)


def shown_segments(folder: Path) -> list[compaction.Segment]:
    place = Place(folder)
    shown = place.shown()
    assert shown is not None
    return segments(place.generation(shown.number))


@pytest.mark.usefixtures("small_segments")
def test_a_graph_is_built_for_what_has_grown_and_segments_are_merged(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compaction, "MERGED", 2)
    for batch in range(2):
        write(folder, *(entry(f"{batch}-{number}", passages=24) for number in range(10)))
        assert sum(segment.points for segment in shown_segments(folder) if segment.indexed) == 240 * (batch + 1)
    assert [segment.points for segment in shown_segments(folder) if segment.indexed] == [480]
    write(folder, entry("small"))
    assert sorted((segment.points, segment.indexed) for segment in shown_segments(folder)) == [(3, False), (480, True)]
    assert len(stored(folder)) == 21


@pytest.mark.usefixtures("small_segments")
def test_a_segment_of_deleted_points_is_written_anew(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compaction, "VACUUM_POINTS", 100)
    write(folder, *(entry(f"d{number}", passages=24) for number in range(20)))
    assert [(segment.points, segment.deleted) for segment in shown_segments(folder)] == [(480, 0)]
    with closing(EdgeWriter(folder, COLLECTION, 0)) as index:
        index.delete([f"d{number}" for number in range(4)])
    assert [(segment.points, segment.deleted) for segment in shown_segments(folder) if segment.indexed] == [(480, 96)]
    with closing(EdgeWriter(folder, COLLECTION, 0)) as index:
        index.delete([f"d{number}" for number in range(4, 10)])
    assert [(segment.points, segment.deleted) for segment in shown_segments(folder) if segment.indexed] == [(240, 0)]
    assert len(stored(folder)) == 10


@pytest.mark.usefixtures("small_segments")
@pytest.mark.parametrize(
    "program", ["raise SystemExit('no memory left')", "import os; os.kill(os.getpid(), 9)"], ids=["fails", "is-killed"]
)
def test_an_optimizer_that_fails_costs_speed_and_no_points(
    folder: Path, program: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    broken = tmp_path / "optimizer.py"
    broken.write_text(f"import shutil, sys; shutil.rmtree(sys.argv[1] + '/segments')\n{program}")
    with monkeypatch.context() as context:
        context.setattr(writer, "_OPTIMIZER", broken)
        write(folder, *(entry(f"d{number}", passages=30) for number in range(10)))
    assert "could not be optimized" in caplog.text
    assert stored(folder) == {(f"d{number}", 1): 30 for number in range(10)}
    assert not any(segment.indexed for segment in shown_segments(folder))
    write(folder, entry("next"))
    assert sum(segment.points for segment in shown_segments(folder) if segment.indexed) == 303


@pytest.mark.usefixtures("small_segments")
def test_without_room_for_a_graph_the_points_are_shown_all_the_same(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(writer, "free_bytes", lambda _: RESERVE_BYTES)
    write(folder, *(entry(f"d{number}", passages=30) for number in range(10)))
    assert "no room" in caplog.text
    assert stored(folder) == {(f"d{number}", 1): 30 for number in range(10)}


def test_a_long_session_shows_what_it_has_now_and_then(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "SHOW_POINTS", 100)
    with closing(EdgeWriter(folder, COLLECTION, 0)) as index:
        index.replace([entry("a", passages=60)])
        assert stored(folder) == {}
        index.replace([entry("b", passages=60)])
        assert stored(folder) == {("a", 1): 60, ("b", 1): 60}
        index.replace([entry("c", passages=1)])
        assert len(stored(folder)) == 2
    assert len(stored(folder)) == 3


def test_files_are_copied_where_a_file_system_knows_no_links(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(compaction, "INDEX_POINTS", 200)
    monkeypatch.setattr(os, "link", refused)
    write(folder, *(entry(f"d{number}", passages=30) for number in range(10)))
    write(folder, entry("d0", 2, passages=1))
    assert stored(folder) == {(f"d{number}", 1): 30 for number in range(1, 10)} | {("d0", 2): 1}


def test_a_slice_is_as_large_as_the_reserve_allows() -> None:
    """A slice of points with 2 kB of text and vectors of 4,096 dimensions."""
    assert UPSERT_POINTS * (2_000 + 4 * 4_096) < RESERVE_BYTES / 4


def test_errors_of_the_product_pass_through_unchanged(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    error = DocpipeError("ours")

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(writer, "create_shard", fail)
    with closing(EdgeWriter(folder, COLLECTION, 0)) as index, pytest.raises(DocpipeError) as raised:
        index.replace([entry("a")])
    assert raised.value is error
