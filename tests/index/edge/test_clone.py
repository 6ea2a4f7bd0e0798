"""Which files of a shard never change: what the generations of an index share. A new version of the engine may change that."""

from __future__ import annotations

import errno
import os
import zlib
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import qdrant_edge as edge

from docpipe.index.collection import Collection
from docpipe.index.edge import EdgeReader, EdgeWriter, compaction
from docpipe.index.edge.clone import clone, copied_bytes, copy_sparse, may_be_shared, own_files
from docpipe.index.edge.place import Place
from docpipe.index.edge.shard import delete_documents, replace_documents
from docpipe.index.point import point_slices
from docpipe.settings import MEBIBYTE
from tests.index.entries import COLLECTION, DIMENSION, entry


@pytest.fixture(scope="module", params=["none", "int8", "binary"])
def indexed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Collection]:
    """An index with a segment that has a graph, and one that grows."""
    collection = replace(COLLECTION, quantization=request.param)
    folder = tmp_path_factory.mktemp("index") / collection.name
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compaction, "INDEX_POINTS", 200)
        for entries in ([entry(f"d{number}", passages=20) for number in range(25)], [entry("growing", passages=20)]):
            with closing(EdgeWriter(folder, collection, 0)) as writer:
                writer.replace(entries)
    return folder, collection


def shown(folder: Path) -> Path:
    place = Place(folder)
    now = place.shown()
    assert now is not None
    return place.generation(now.number)


def content(shard: Path) -> dict[Path, int]:
    """A checksum of every file; a hundred MB, most of them holes."""
    return {file.relative_to(shard): zlib.crc32(file.read_bytes()) for file in shard.rglob("*") if file.is_file()}


def test_a_clone_shares_what_is_large_and_nothing_that_grows(indexed: tuple[Path, Collection], tmp_path: Path) -> None:
    source = shown(indexed[0])
    clone(source, tmp_path / "clone")
    files = {file.relative_to(source) for file in source.rglob("*") if file.is_file()}
    shared = files - {file.relative_to(tmp_path / "clone") for file in own_files(tmp_path / "clone")}
    assert shared == {file for file in files if may_be_shared(file, source)}
    names = {"/".join(file.parts[2:]) for file in shared}
    assert {"vector_storage-dense/matrix.dat", "payload_storage/page_0.dat", "vector_index-dense/graph.bin", "id_tracker.mappings"} <= names
    assert ("vector_storage-dense/quantized.data" in names) == (indexed[1].quantization != "none")
    segments = {file.parts[1] for file in shared}
    assert len(segments) == 1
    # File systems round the ends of holes, each in its own way.
    assert copied_bytes(source) >= 0.9 * sum(file.stat().st_blocks * 512 for file in own_files(tmp_path / "clone"))


def test_nothing_that_is_done_to_a_clone_changes_what_it_shares(indexed: tuple[Path, Collection], tmp_path: Path) -> None:
    folder, collection = indexed
    source, copy = shown(folder), tmp_path / "clone"
    before = content(source)
    clone(source, copy)
    shard = edge.EdgeShard.load(str(copy))
    shard.flush()
    for entries in ([entry("d0", 2, passages=7)], [entry("d1", passages=10)], [entry("d2", passages=30), entry("new", passages=300)]):
        replace_documents(shard, entries, point_slices(entries, DIMENSION), lambda: None)
        shard.flush()
    delete_documents(shard, [f"d{number}" for number in range(5, 20)], {})
    shard.flush()
    ids = [point.id for point in shard.scroll(edge.ScrollRequest(limit=30, with_payload=False, with_vector=False))[0]]
    shard.update(edge.UpdateOperation.set_payload(ids, {"seen": True}))
    shard.flush()
    shard.close()
    assert content(source) == before
    tidied = edge.EdgeConfig(
        sparse_vectors={"bm25": edge.EdgeSparseVectorParams(modifier=edge.Modifier.Idf)},
        optimizers=edge.EdgeOptimizersConfig(
            indexing_threshold=1, default_segment_number=1, deleted_threshold=0.1, vacuum_min_vector_number=100
        ),
    )
    shard = edge.EdgeShard.load(str(copy), tidied)
    assert shard.optimize()
    shard.close()
    assert content(source) == before
    with closing(EdgeReader(folder, collection)) as reader:
        found = {(key, generation): points for key, generation, points in reader.inventory()}
    assert found == {(f"d{number}", 1): 20 for number in range(25)} | {("growing", 1): 20}


def test_readers_change_nothing_in_what_they_open(indexed: tuple[Path, Collection]) -> None:
    source = shown(indexed[0])
    before = content(source)
    with closing(EdgeReader(*indexed)) as first:
        with closing(EdgeReader(*indexed)) as second:
            assert list(first.inventory()) == list(second.inventory())
            assert content(source) == before
        assert len(list(first.inventory())) == 26
    assert content(source) == before


def test_holes_stay_holes(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    with source.open("wb") as file:
        file.seek(3 * MEBIBYTE)
        file.write(b"middle")
        file.truncate(32 * MEBIBYTE)
    copy_sparse(source, target)
    assert target.read_bytes() == source.read_bytes()
    assert target.stat().st_blocks <= source.stat().st_blocks


@pytest.mark.parametrize("content", [b"", b"x", b"\0" * 5000, os.urandom(100_000)], ids=["empty", "byte", "zeros", "noise"])
def test_copies_are_equal_without_holes_too(content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "source").write_bytes(content)
    copy_sparse(tmp_path / "source", tmp_path / "target")
    monkeypatch.delattr(os, "SEEK_DATA")
    copy_sparse(tmp_path / "source", tmp_path / "another")
    assert (tmp_path / "target").read_bytes() == (tmp_path / "another").read_bytes() == content


def test_a_full_disk_is_not_taken_for_a_file_system_without_links(
    indexed: tuple[Path, Collection], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "link", full)
    with pytest.raises(OSError, match="No space"):
        clone(shown(indexed[0]), tmp_path / "clone")
