from __future__ import annotations

from collections.abc import Callable

import pytest

from docpipe.artifacts import ArtifactStore
from docpipe.bucket import open_bucket
from docpipe.checkpoint import Checkpoint
from docpipe.errors import BucketDenied, BucketUnavailable, DocpipeError, PermanentError
from docpipe.models import StageName
from docpipe.settings import Settings
from tests.bucket.s3_buckets import create_bucket, s3_settings

KEY = "reports/größe.pdf"
STAGE = StageName.PARSED_PAGES


@pytest.fixture(params=["folder", "s3"])
def store(settings: Callable[..., Settings], request: pytest.FixtureRequest) -> ArtifactStore:
    made = settings()
    if request.param == "s3":
        made = s3_settings(settings, request.getfixturevalue("s3_endpoint"))
        return ArtifactStore(open_bucket(f"s3://{create_bucket(made)}/artifacts", made))
    return ArtifactStore(open_bucket(made.artifacts_url, made))


def first(store: ArtifactStore, *pieces: bytes) -> Checkpoint:
    """That of an attempt which then was killed."""
    checkpoint = Checkpoint(store, STAGE, KEY, "f1", begun=False)
    for piece in pieces:
        checkpoint.add(piece)
    return checkpoint


def again(store: ArtifactStore, of: str = "f1") -> Checkpoint:
    return Checkpoint(store, STAGE, KEY, of, begun=True)


def test_the_next_attempt_finds_what_was_kept_and_adds_to_it(store: ArtifactStore) -> None:
    first(store, b"one", b"two")
    second = again(store)
    assert list(second.pieces()) == [b"one", b"two"]
    second.add(b"three")
    assert list(again(store).pieces()) == [b"one", b"two", b"three"]


def test_what_is_to_become_another_artifact_meets_none_of_it(store: ArtifactStore) -> None:
    first(store, b"one")
    assert list(again(store, "f2").pieces()) == []
    assert list(Checkpoint(store, StageName.CHUNKS, KEY, "f1", begun=True).pieces()) == []


def test_a_first_attempt_asks_the_store_nothing(store: ArtifactStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "exists", lambda *_: pytest.fail("asked"))
    checkpoint = Checkpoint(store, STAGE, KEY, "f1", begun=False)
    assert list(checkpoint.pieces()) == []
    checkpoint.remove()


def test_a_damaged_piece_is_passed_over(store: ArtifactStore, caplog: pytest.LogCaptureFixture) -> None:
    kept = first(store, b"one", b"two", b"three")
    (info,) = [one for one in store._bucket.list(prefix=f"{STAGE}/") if kept._name(1) in one.key]
    store._bucket.write(info.key, b"not zstd")
    second = again(store)
    assert list(second.pieces()) == [b"one", b"three"]
    assert "is of no use" in caplog.text
    second.add(b"four")
    assert list(again(store).pieces()) == [b"one", b"three", b"four"]


@pytest.mark.parametrize("looks", [True, False])
def test_nothing_is_left_once_the_artifact_is_there(store: ArtifactStore, looks: bool) -> None:
    store.save(STAGE, KEY, "f1", b"the artifact")
    checkpoint = first(store, b"one", b"two")
    if looks:
        checkpoint = again(store)
        assert len(list(checkpoint.pieces())) == 2
    checkpoint.remove()
    assert [one.fingerprint for one in store.list_document(KEY)] == ["f1"]


def test_a_store_that_goes_away_during_removal_leaves_pieces_without_a_gap(
    store: ArtifactStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    checkpoint = first(store, b"one", b"two", b"three")
    delete = store.delete
    deleted: list[str] = []

    def once(stage: StageName, key: str, fingerprint: str) -> None:
        if deleted:
            raise BucketUnavailable("timeout")
        deleted.append(fingerprint)
        delete(stage, key, fingerprint)

    monkeypatch.setattr(store, "delete", once)
    checkpoint.remove()
    assert "2 pieces" in caplog.text
    assert list(again(store).pieces()) == [b"one", b"two"]


@pytest.mark.parametrize("error", [BucketDenied("no"), PermanentError("no")], ids=lambda error: type(error).__name__)
def test_a_store_that_deletes_nothing_is_no_trouble_of_a_document_that_is_done(
    store: ArtifactStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: DocpipeError
) -> None:
    checkpoint = first(store, b"one")

    def refused(*_: object) -> None:
        raise error

    monkeypatch.setattr(store, "delete", refused)
    checkpoint.remove()
    assert "1 pieces" in caplog.text


def test_two_attempts_at_once_leave_pieces_that_a_third_can_use(store: ArtifactStore) -> None:
    """A step is sent again while its first worker still lives: a piece may be lost to the other's, and no more."""
    one = first(store, b"a0")
    other = again(store)
    assert list(other.pieces()) == [b"a0"]
    one.add(b"a1")
    other.add(b"b1")
    other.add(b"b2")
    one.add(b"a2")
    assert list(again(store).pieces()) == [b"a0", b"b1", b"a2"]
    one.remove()
    other.add(b"b3")
    assert list(again(store).pieces()) == [], "the artifact is there"
    other.remove()
    assert list(store.list_document(KEY)) == []


def test_it_goes_with_the_document(store: ArtifactStore) -> None:
    first(store, b"one", b"two")
    store.delete_document(KEY)
    assert list(store.list_document(KEY)) == []
    assert list(again(store).pieces()) == []
