from __future__ import annotations

import json
import shutil
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from docpipe.errors import ConfigurationError, IndexLocked, IndexTooNew
from docpipe.index.collection import SCHEMA, Collection
from docpipe.index.edge import EdgeCatalog, EdgeReader, EdgeWriter
from docpipe.index.edge.place import Place, write_json
from tests.index.edge.embedded import run_until_killed, stored
from tests.index.entries import COLLECTION, entry

OTHER = replace(COLLECTION, model="other", model_sha256="f" * 64)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two collections, of which the first is searched; all that a catalog reads of them, without the shards."""
    root = tmp_path / "index"
    for collection in (COLLECTION, OTHER):
        place = Place(root / collection.name)
        place.folder.mkdir(parents=True)
        write_json(place.record, collection.record)
        write_json(place.current, {"generation": 1, "points": 3})
    write_json(root / "aliases.json", {COLLECTION.alias: COLLECTION.name})
    return root


def write(root: Path, collection: Collection) -> None:
    with closing(EdgeWriter(root / collection.name, collection, 0)) as writer:
        writer.replace([entry("a")])


def listed(root: Path) -> dict[str, tuple[int, bool]]:
    return {one.collection.model: (one.points, one.active) for one in EdgeCatalog(root, COLLECTION.alias).listed()}


def test_a_folder_that_is_not_there_lists_nothing(tmp_path: Path) -> None:
    assert EdgeCatalog(tmp_path / "index", "documents").listed() == []
    assert not (tmp_path / "index").exists()


def test_only_collections_of_the_alias_are_listed(root: Path) -> None:
    (root / "documents-notahash").mkdir()
    (root / "documents-00000000").write_text("a file")
    (root / "documents-11111111").mkdir()
    write(root, replace(COLLECTION, alias="other"))
    assert listed(root) == {"test model": (3, True), "other": (3, False)}
    assert [one.collection for one in EdgeCatalog(root, "other").listed()] == [replace(COLLECTION, alias="other")]


def test_a_collection_of_a_newer_version_is_named(root: Path) -> None:
    record = root / OTHER.name / "collection.json"
    record.write_text(json.dumps(dict(OTHER.record) | {"schema": SCHEMA + 1, "surprise": [1]}))
    with pytest.raises(IndexTooNew, match="upgrade"):
        listed(root)
    for opening in (lambda: EdgeReader(record.parent, OTHER), lambda: EdgeWriter(record.parent, OTHER, 0)):
        with pytest.raises(IndexTooNew):
            opening()


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"model": "x", "schema": 1}'], ids=["broken", "list", "empty", "older"])
def test_folders_that_are_older_or_not_ours_are_left_out_with_advice(root: Path, content: str, caplog: pytest.LogCaptureFixture) -> None:
    (root / OTHER.name / "collection.json").write_text(content)
    assert listed(root) == {"test model": (3, True)}
    assert "delete the folder" in caplog.text


def test_damaged_aliases_say_what_to_do(root: Path) -> None:
    (root / "aliases.json").write_text("{")
    with pytest.raises(ConfigurationError, match="docpipe index activate"):
        listed(root)


@pytest.mark.parametrize("name", ["documents-00000000", "../aliases", "", "documents-0000000", "aliases.json"])
def test_only_what_is_there_can_be_activated_or_dropped(root: Path, name: str) -> None:
    catalog = EdgeCatalog(root, "documents")
    for change in (catalog.activate, catalog.drop):
        with pytest.raises(ConfigurationError, match="there is no collection"):
            change(name)
    assert listed(root) == {"test model": (3, True), "other": (3, False)}


def test_a_collection_that_is_written_is_not_dropped(root: Path) -> None:
    catalog = EdgeCatalog(root, "documents")
    with closing(EdgeWriter(root / OTHER.name, OTHER, 0)), pytest.raises(IndexLocked):
        catalog.drop(OTHER.name)
    catalog.drop(OTHER.name)
    assert listed(root) == {"test model": (3, True)}
    assert sorted(path.name for path in root.iterdir()) == ["aliases.json", "aliases.lock", COLLECTION.name]


def test_a_reader_outlives_the_collection_it_reads(tmp_path: Path) -> None:
    root = tmp_path / "index"
    write(root, COLLECTION)
    write(root, OTHER)
    assert listed(root) == {"test model": (3, True), "other": (3, False)}
    with closing(EdgeReader(root / OTHER.name, OTHER)) as reader:
        EdgeCatalog(root, "documents").drop(OTHER.name)
        assert list(reader.inventory()) == [("a", 1, 3)]


def test_a_killed_drop_leaves_no_collection_by_halves(root: Path) -> None:
    other = "COLLECTION.__class__('documents', 'other', 'f' * 64, 'test', 8)"
    program = (
        f"index.close()\ncatalog.shutil.rmtree = lambda path, **_: die() if path.exists() else None\n"
        f"EdgeCatalog(folder.parent, 'documents').drop({other}.name)"
    )
    run_until_killed(root / COLLECTION.name, program)
    assert listed(root) == {"test model": (3, True)}
    write(root, OTHER)
    EdgeCatalog(root, "documents").drop(OTHER.name)
    assert not list(root.glob("*.dropped"))


def test_a_deleted_folder_gives_the_alias_to_the_next_one_that_is_written(root: Path) -> None:
    shutil.rmtree(root / COLLECTION.name)
    assert listed(root) == {"other": (3, False)}
    shutil.rmtree(root / OTHER.name)
    write(root, OTHER)
    assert listed(root) == {"other": (3, True)}
    assert stored(root / COLLECTION.name) == {}
