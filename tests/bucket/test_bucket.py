"""What every bucket does, tried on each kind."""

from __future__ import annotations

import hashlib
import threading
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from docpipe.bucket import Bucket, open_bucket
from docpipe.errors import ConfigurationError, DocumentRefused, Superseded
from docpipe.settings import Settings
from tests.bucket.s3_buckets import create_bucket, s3_settings


@pytest.fixture(params=["folder", "s3", "s3 prefix"])
def bucket(request: pytest.FixtureRequest, settings: Callable[..., Settings]) -> Bucket:
    if request.param == "folder":
        made = settings()
        return open_bucket(made.bucket_url, made)
    endpoint = request.getfixturevalue("s3_endpoint")
    made = s3_settings(settings, endpoint)
    name = create_bucket(made)
    if request.param == "s3":
        return open_bucket(f"s3://{name}", made)
    open_bucket(f"s3://{name}", made).write("in", b"beside the prefix")
    open_bucket(f"s3://{name}", made).write("in2/x", b"beside the prefix")
    return open_bucket(f"s3://{name}/in", made)


def test_keys_are_listed_in_order_of_their_bytes(bucket: Bucket) -> None:
    keys = [
        "a-b",
        "a.b",
        "a/b",
        "a/b-c",
        "a/b0/x",
        "a/c",
        "a0",
        "B",
        "z",
        "ä",
        "文",
        "\uffee",
        "💥",
        "with space",
        "per%cent",
        "plus+",
        "tab\there",
        "q?#&=",
    ]
    for key in reversed(keys):
        bucket.write(key, key.encode())
    ordered = sorted(keys, key=str.encode)
    assert [info.key for info in bucket.list()] == ordered
    for index, after in enumerate(ordered):
        assert [info.key for info in bucket.list(after=after)] == ordered[index + 1 :]
    assert [info.key for info in bucket.list(after="a/")] == [key for key in ordered if key > "a/"]
    for prefix in ("a", "a/", "a/b", "a/b0", "ä", "none/", "nobody"):
        assert [info.key for info in bucket.list(prefix=prefix)] == [key for key in ordered if key.startswith(prefix)]
    assert [info.key for info in bucket.list(after="a/b", prefix="a/")] == ["a/b-c", "a/b0/x", "a/c"]


def test_listing_an_empty_bucket_yields_nothing(bucket: Bucket) -> None:
    assert list(bucket.list()) == []


def test_every_way_of_looking_tells_the_same_identity(bucket: Bucket, tmp_path: Path) -> None:
    written = bucket.write("a/b", b"12345")
    (listed,) = bucket.list()
    downloaded, digest = bucket.download("a/b", tmp_path / "copy")
    assert written.identity == listed.identity == bucket.stat("a/b").identity == downloaded.identity
    assert listed.size == 5
    assert digest == hashlib.sha256(b"12345").hexdigest()
    assert (tmp_path / "copy").read_bytes() == b"12345"


def test_a_changed_object_has_another_identity(bucket: Bucket) -> None:
    before = bucket.write("a", b"12345")
    assert bucket.write("a", b"54321").identity != before.identity


@pytest.mark.parametrize("size", [0, 1, 9 * 1024 * 1024])
def test_a_file_is_written_and_downloaded_whole(bucket: Bucket, tmp_path: Path, size: int) -> None:
    data = bytes(range(256)) * (size // 256 + 1)
    (tmp_path / "source").write_bytes(data[:size])
    info = bucket.write("big", tmp_path / "source")
    downloaded, digest = bucket.download("big", tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == data[:size]
    assert info.size == downloaded.size == size
    assert digest == hashlib.sha256(data[:size]).hexdigest()


def test_a_part_is_read(bucket: Bucket) -> None:
    bucket.write("a", b"0123456789")
    assert bucket.read("a") == b"0123456789"
    assert bucket.read("a", 3) == b"3456789"
    assert bucket.read("a", 3, 4) == b"3456"
    assert bucket.read("a", 8, 100) == b"89"
    assert bucket.read("a", 10) == b""
    assert bucket.read("a", 99, 1) == b""
    assert bucket.read("a", 0, 0) == b""
    bucket.write("empty", b"")
    assert bucket.read("empty") == b""
    assert bucket.read("empty", 0, 10) == b""


def test_a_missing_object_is_superseded(bucket: Bucket, tmp_path: Path) -> None:
    bucket.write("there", b"1")
    for key in ("none", "none/none", "there/none"):
        with pytest.raises(Superseded, match="the next look at the bucket"):
            bucket.stat(key)
        with pytest.raises(Superseded):
            bucket.read(key)
        with pytest.raises(Superseded):
            bucket.read(key, 0, 0)
        with pytest.raises(Superseded):
            bucket.download(key, tmp_path / "copy")
        assert not (tmp_path / "copy").exists()
        bucket.delete(key)
    assert bucket.read("there") == b"1"


def test_a_deleted_object_is_gone(bucket: Bucket) -> None:
    bucket.write("a/b/c", b"1")
    bucket.write("a/x", b"1")
    bucket.delete("a/b/c")
    assert [info.key for info in bucket.list()] == ["a/x"]
    bucket.delete("a/x")
    assert list(bucket.list()) == []
    bucket.write("a", b"now an object of its own")
    assert [info.key for info in bucket.list()] == ["a"]


@pytest.mark.parametrize("key", ["", "x" * 1025, "é" * 513, "nul\0", "lone\ud800"])
def test_a_key_that_no_store_holds_is_refused(bucket: Bucket, tmp_path: Path, key: str) -> None:
    for attempt in (
        bucket.stat,
        bucket.read,
        bucket.delete,
        lambda key: bucket.write(key, b""),
        lambda key: bucket.download(key, tmp_path / "copy"),
    ):
        with pytest.raises(DocumentRefused, match="rename"):
            attempt(key)


def test_the_longest_key_is_kept(bucket: Bucket) -> None:
    key = "/".join(["é" * 60] * 8) + "/" + "x" * 56
    assert len(key.encode()) == 1024
    bucket.write(key, b"1")
    assert [info.key for info in bucket.list()] == [key]
    assert bucket.read(key) == b"1"


def test_many_threads_share_a_bucket(bucket: Bucket) -> None:
    lost: list[str] = []

    def work(name: str) -> None:
        for count in range(5):
            key = f"shared/{name}"
            bucket.write(key, name.encode() * (count + 1))
            if bucket.read(key) != name.encode() * (count + 1):
                lost.append(key)
            bucket.delete(key)

    threads = [threading.Thread(target=work, args=(uuid.uuid4().hex,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert lost == []
    assert list(bucket.list()) == []


@pytest.mark.parametrize(
    "url", ["", "bucket", "http://x/y", "http://[x/y", "file:relative", "file://host/path", "s3://", "s3:///prefix", "s3://k:w@b/p"]
)
def test_a_url_that_is_none_says_what_to_write(settings: Callable[..., Settings], url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"file:///|s3://"):
        open_bucket(url, settings())


@pytest.mark.parametrize("scheme", ["http://", "file://", "s3://", "", "https://[", "file:"])
def test_credentials_in_a_url_are_never_repeated(settings: Callable[..., Settings], scheme: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        open_bucket(f"{scheme}hush-user:hush-word@host/hush-bucket", settings())
    assert "hush" not in str(raised.value)
    assert "DOCPIPE_BUCKET" in str(raised.value)


def test_a_copy_holds_the_same_bytes_and_never_replaces_anything(bucket: Bucket) -> None:
    written = bucket.write("a/b", b"12345")
    copied = bucket.copy(written, "c/d/e")
    assert copied is not None
    assert copied.identity == bucket.stat("c/d/e").identity
    assert (bucket.read("c/d/e"), bucket.stat("a/b").identity) == (b"12345", written.identity)
    other = bucket.write("other", b"other")
    assert bucket.copy(other, "c/d/e") is None
    assert bucket.read("c/d/e") == b"12345"
    assert [info.key for info in bucket.list()] == ["a/b", "c/d/e", "other"]


def test_what_was_replaced_or_deleted_is_not_copied(bucket: Bucket) -> None:
    old = bucket.write("a", b"old")
    bucket.write("a", b"newer")
    with pytest.raises(Superseded):
        bucket.copy(old, "b")
    bucket.delete("a")
    with pytest.raises(Superseded):
        bucket.copy(old, "b")
    assert list(bucket.list()) == []


def test_only_the_very_object_is_deleted(bucket: Bucket) -> None:
    old = bucket.write("a/b", b"old")
    newer = bucket.write("a/b", b"newer")
    with pytest.raises(Superseded):
        bucket.delete("a/b", only=old)
    assert bucket.read("a/b") == b"newer"
    bucket.delete("a/b", only=newer)
    bucket.delete("a/b", only=newer)
    assert list(bucket.list()) == []
