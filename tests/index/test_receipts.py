"""Receipts of one collection go, those of others stay."""

from __future__ import annotations

from pathlib import Path

from docpipe.artifacts import ArtifactStore
from docpipe.bucket.folder import FolderBucket
from docpipe.fingerprint import Recipe
from docpipe.index.receipts import ReceiptCollections, drop_receipts, drop_receipts_of
from docpipe.ledger import Ledger
from docpipe.models import IndexedDocument, StageName

STAGE = StageName.INDEXED_VECTORS


def filled(folder: Path) -> ArtifactStore:
    folder.mkdir()
    artifacts = ArtifactStore(FolderBucket(folder))
    for key in ("gate", "seal"):
        for collection in ("old", "new"):
            artifacts.save(STAGE, key, collection, IndexedDocument(collection=collection, generation=1, points=1).to_bytes())
        artifacts.save(StageName.CHUNKS, key, "old", b"chunks")
    return artifacts


def test_of_one_document(tmp_path: Path) -> None:
    artifacts = filled(tmp_path / "store")
    assert drop_receipts_of(artifacts, "gate", "old") == 1
    assert drop_receipts_of(artifacts, "gate", "old") == 0
    assert not artifacts.exists(STAGE, "gate", "old")
    assert artifacts.exists(STAGE, "gate", "new")
    assert artifacts.exists(STAGE, "seal", "old")


def test_of_all_documents(tmp_path: Path) -> None:
    artifacts = filled(tmp_path / "store")
    assert drop_receipts(artifacts, "old") == 2
    assert {one.fingerprint for one in artifacts.list_stage(STAGE)} == {"new"}
    assert len(list(artifacts.list_stage(StageName.CHUNKS))) == 2


def test_one_that_cannot_be_read_is_believed_by_nobody(tmp_path: Path) -> None:
    artifacts = filled(tmp_path / "store")
    for path in (tmp_path / "store" / STAGE).rglob("new.zst"):
        path.write_bytes(b"\0")
    assert drop_receipts(artifacts, "old") == 4
    assert list(artifacts.list_stage(STAGE)) == []


def test_recipes_name_their_collection(tmp_path: Path) -> None:
    with Ledger.open(f"sqlite:///{tmp_path / 'ledger.sqlite'}") as ledger:
        named, nameless = Recipe(STAGE, "1", {"collection": "old"}), Recipe(STAGE, "1")
        for recipe in (named, nameless):
            ledger.remember_recipe(recipe)
        receipts = ReceiptCollections(ledger)
        assert receipts.of([named.hash, nameless.hash, "unknown"]) == {named.hash: "old", nameless.hash: "", "unknown": ""}
        assert receipts.counted({named.hash: 2, nameless.hash: 1, "unknown": 3}) == {"old": 2, "": 4}
