from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from docpipe.artifacts import ArtifactStore
from docpipe.bucket import Bucket, open_bucket
from docpipe.errors import ArtifactDamaged
from docpipe.models import StageName
from docpipe.partition_key import document_id
from docpipe.settings import Settings

KEY = "reports/größe.pdf"
DATA = b"the same words, again and again; " * 1000


@pytest.fixture
def bucket(settings: Callable[..., Settings]) -> Bucket:
    made = settings()
    return open_bucket(made.artifacts_url, made)


@pytest.fixture
def store(bucket: Bucket) -> ArtifactStore:
    return ArtifactStore(bucket)


def _name(stage: StageName, fingerprint: str) -> str:
    document = document_id(KEY)
    return f"{stage}/{document[:2]}/{document}/{fingerprint}.zst"


@pytest.mark.parametrize("data", [DATA, b"", b"\0"])
def test_what_was_saved_is_loaded(store: ArtifactStore, data: bytes) -> None:
    store.save(StageName.CHUNKS, KEY, "f1", data)
    assert store.load(StageName.CHUNKS, KEY, "f1") == data
    assert store.exists(StageName.CHUNKS, KEY, "f1")
    assert not store.exists(StageName.CHUNKS, KEY, "f2")
    assert not store.exists(StageName.EMBEDDINGS, KEY, "f1")


def test_it_is_stored_compressed_with_checksum_and_size(store: ArtifactStore, bucket: Bucket) -> None:
    store.save(StageName.CHUNKS, KEY, "f1", DATA)
    stored = bucket.read(_name(StageName.CHUNKS, "f1"))
    frame = zstandard.get_frame_parameters(stored)
    assert len(stored) < len(DATA) / 10
    assert frame.has_checksum
    assert frame.content_size == len(DATA)


def test_parts_lie_beside_their_artifact_and_go_with_it(store: ArtifactStore, bucket: Bucket) -> None:
    sha256 = store.save_part(StageName.PARSED_PAGES, KEY, "f1", b"a figure")
    store.save(StageName.PARSED_PAGES, KEY, "f1", DATA)
    assert store.load_part(StageName.PARSED_PAGES, KEY, "f1", sha256) == b"a figure"
    assert sorted(stored.part for stored in store.list_document(KEY)) == ["", sha256]
    with pytest.raises(ArtifactDamaged, match="missing: run the stage again"):
        store.load_part(StageName.PARSED_PAGES, KEY, "f2", sha256)
    document = document_id(KEY)
    bucket.write(f"parsed_pages/{document[:2]}/{document}/f1.{sha256}.part", b"another figure")
    with pytest.raises(ArtifactDamaged, match="altered"):
        store.load_part(StageName.PARSED_PAGES, KEY, "f1", sha256)
    store.delete_document(KEY)
    assert list(store.list_document(KEY)) == []


def test_a_missing_artifact_is_damaged(store: ArtifactStore) -> None:
    with pytest.raises(ArtifactDamaged, match="missing: run the stage again"):
        store.load(StageName.CHUNKS, KEY, "f1")


@pytest.mark.parametrize("stage", list(StageName))
def test_every_way_of_damage_is_noticed(store: ArtifactStore, bucket: Bucket, stage: StageName) -> None:
    store.save(stage, KEY, "f1", DATA)
    name = _name(stage, "f1")
    whole = bucket.read(name)
    flipped = [whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :] for place in range(len(whole))]
    cut = [whole[:length] for length in range(len(whole))]
    bombs = [zstandard.ZstdCompressor().compress(b"")[:4] + b"\xff" * 20]
    for damaged in (*flipped, *cut, *bombs, whole + b"x", whole + whole):
        bucket.write(name, damaged)
        try:
            assert store.load(stage, KEY, "f1") == DATA
        except ArtifactDamaged:
            continue
        # Some header bits say nothing about the content; a changed content must never pass.
        assert damaged in flipped


def test_deleting_a_document_leaves_the_others(store: ArtifactStore) -> None:
    for key in (KEY, "other"):
        for stage in StageName:
            store.save(stage, key, "f1", DATA)
    store.save(StageName.CHUNKS, KEY, "f2", DATA)
    listed = list(store.list_document(KEY))
    assert {(one.stage, one.fingerprint) for one in listed} == {(stage, "f1") for stage in StageName} | {(StageName.CHUNKS, "f2")}
    assert {one.document_id for one in listed} == {document_id(KEY)}
    store.delete_document(KEY)
    assert list(store.list_document(KEY)) == []
    assert len(list(store.list_document("other"))) == len(StageName)


def test_a_stage_lists_its_artifacts_and_nothing_else(store: ArtifactStore, bucket: Bucket, tmp_path: Path) -> None:
    for key in ("a", "b", "c"):
        store.save(StageName.CHUNKS, key, "f1", DATA)
    store.save(StageName.EMBEDDINGS, "a", "f1", DATA)
    bucket.write("chunks/notes.txt", b"put here by somebody")
    listed = list(store.list_stage(StageName.CHUNKS))
    assert [one.document_id for one in listed] == sorted(map(document_id, "abc"))
    assert all(one.size > 0 for one in listed)
