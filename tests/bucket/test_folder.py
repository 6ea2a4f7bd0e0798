"""What only a folder can suffer."""

from __future__ import annotations

import contextlib
import logging
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from docpipe.bucket import folder_listing, open_bucket
from docpipe.bucket.folder import FolderBucket
from docpipe.bucket.folder_listing import TEMPORARY_PREFIX
from docpipe.errors import BucketDenied, BucketFull, BucketMissing, DocumentRefused, Superseded
from docpipe.settings import Settings

_ROOT = os.geteuid() == 0


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "bucket"
    folder.mkdir()
    return folder


@pytest.fixture
def bucket(root: Path) -> FolderBucket:
    return FolderBucket(root)


def _keys(bucket: FolderBucket, prefix: str = "") -> list[str]:
    return [info.key for info in bucket.list(prefix=prefix)]


def test_a_missing_folder_is_no_empty_bucket(root: Path, bucket: FolderBucket, settings: Callable[..., Settings]) -> None:
    root.rmdir()
    for attempt in (
        lambda: list(bucket.list()),
        lambda: bucket.stat("a"),
        lambda: bucket.write("a", b""),
        lambda: list(bucket.list(prefix="a/")),
    ):
        with pytest.raises(BucketMissing, match="create or mount it"):
            attempt()
    opened = open_bucket(root.as_uri(), settings())
    with pytest.raises(BucketMissing):
        list(opened.list())


def test_the_embedded_bucket_is_made(settings: Callable[..., Settings]) -> None:
    made = settings()
    assert list(open_bucket(made.bucket_url, made).list()) == []
    assert (made.home / "bucket").is_dir()


@pytest.mark.parametrize("key", ["..", "../x", "a/../../x", "/etc/passwd", "a//b", "a/", "./a", "a/./b", "n" * 256])
def test_a_key_never_becomes_a_path_outside(tmp_path: Path, bucket: FolderBucket, key: str) -> None:
    for attempt in (
        bucket.stat,
        bucket.read,
        bucket.delete,
        lambda key: bucket.write(key, b"1"),
        lambda key: bucket.download(key, tmp_path / "copy"),
    ):
        with pytest.raises(DocumentRefused, match="rename"):
            attempt(key)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["bucket"]


@pytest.mark.parametrize("prefix", ["../", "a/../../", "/etc/", "../secret"])
def test_a_prefix_never_becomes_a_path_outside(tmp_path: Path, bucket: FolderBucket, prefix: str) -> None:
    (tmp_path / "secret").write_text("outside")
    with pytest.raises(DocumentRefused):
        _keys(bucket, prefix)


def test_links_are_not_followed(tmp_path: Path, root: Path, bucket: FolderBucket) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret")
    (root / "file").symlink_to(outside / "secret")
    (root / "folder").symlink_to(outside)
    (root / "loop").symlink_to(root)
    bucket.write("real", b"1")
    assert _keys(bucket) == ["real"]
    assert _keys(bucket, "folder/") == []
    for key in ("file", "folder/secret", "loop/real"):
        with pytest.raises(Superseded):
            bucket.read(key)
        bucket.delete(key)
    with pytest.raises(DocumentRefused):
        bucket.write("folder/new", b"1")
    bucket.write("file", b"a new object where the link was")
    assert (outside / "secret").read_text() == "secret"
    assert sorted(path.name for path in outside.iterdir()) == ["secret"]


def test_what_is_no_file_is_no_object(root: Path, bucket: FolderBucket) -> None:
    os.mkfifo(root / "pipe")
    (root / "folder").mkdir()
    assert _keys(bucket) == []
    for key in ("pipe", "folder"):
        with pytest.raises(Superseded):
            bucket.read(key)
        with pytest.raises(DocumentRefused) if key == "folder" else contextlib.nullcontext():
            bucket.write(key, b"1")


def test_a_file_and_a_folder_cannot_share_a_name(bucket: FolderBucket) -> None:
    bucket.write("a", b"1")
    with pytest.raises(DocumentRefused, match="the same name"):
        bucket.write("a/b", b"1")
    assert _keys(bucket) == ["a"]


def test_names_that_are_no_keys_are_left_out_with_one_warning(root: Path, bucket: FolderBucket, caplog: pytest.LogCaptureFixture) -> None:
    for name in (b"\xff", b"\xfe.pdf", b"\xed\xa0\x80"):
        Path(os.fsdecode(os.fsencode(root) + b"/" + name)).write_text("1")
    deep = root
    for _ in range(6):
        deep = deep / ("d" * 200)
        deep.mkdir()
    (deep / "file").write_text("1")
    bucket.write("good", b"1")
    with caplog.at_level(logging.WARNING):
        assert _keys(bucket) == ["good"]
    (record,) = caplog.records
    assert "left out 4 names" in record.message


def test_very_deep_folders_are_listed(bucket: FolderBucket) -> None:
    key = "d/" * 511 + "e"
    bucket.write(key, b"1")
    assert _keys(bucket) == [key]
    bucket.delete(key)
    assert _keys(bucket) == []


def test_a_folder_of_many_names_is_read_in_pages(root: Path, bucket: FolderBucket, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"{number % 7}-{number}" for number in range(50)]
    for name in names:
        bucket.write(f"many/{name}", b"")
    whole = _keys(bucket)
    for page in (1, 7, 50, 51):
        monkeypatch.setattr(folder_listing, "_PAGE", page)
        assert _keys(bucket) == whole == [f"many/{name}" for name in sorted(names)]


def test_listing_goes_on_while_files_come_and_go(bucket: FolderBucket, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in "abcdef":
        bucket.write(f"{name}/x", b"")
    listing = bucket.list()
    assert next(listing).key == "a/x"
    bucket.delete("c/x")
    bucket.write("b/y", b"")
    assert [info.key for info in listing] == ["b/x", "b/y", "d/x", "e/x", "f/x"]


@pytest.mark.skipif(_ROOT, reason="root may read everything")
def test_a_folder_that_may_not_be_read_is_not_passed_over(root: Path, bucket: FolderBucket) -> None:
    bucket.write("closed/a", b"1")
    (root / "closed").chmod(0)
    try:
        with pytest.raises(BucketDenied, match="permission"):
            _keys(bucket)
    finally:
        (root / "closed").chmod(0o700)


@pytest.mark.skipif(not _ROOT, reason="only root can become another user")
def test_what_another_user_may_not_read() -> None:
    # Beside the folders of pytest, which other users may not enter at all.
    with tempfile.TemporaryDirectory() as name:
        root, bucket = Path(name), FolderBucket(Path(name))
        bucket.write("forbidden", b"1")
        bucket.write("closed/a", b"1")
        (root / "forbidden").chmod(0)
        (root / "closed").chmod(0)
        root.chmod(0o755)
        os.setegid(65534)
        os.seteuid(65534)
        try:
            with pytest.raises(DocumentRefused, match="read permission"):
                bucket.read("forbidden")
            with pytest.raises(BucketDenied, match="permission"):
                list(bucket.list())
            with pytest.raises(BucketDenied, match="permission"):
                bucket.write("new", b"1")
        finally:
            os.seteuid(0)
            os.setegid(0)


def test_a_file_that_changes_while_it_is_read_is_superseded(
    root: Path, bucket: FolderBucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from docpipe.bucket import folder

    copy = folder._copy

    def replaced_meanwhile(source: object, target: object) -> str:
        digest = copy(source, target)  # type: ignore[arg-type]
        bucket.write("a", b"the new one")
        return digest

    bucket.write("a", b"the old one")
    with monkeypatch.context() as patch:
        patch.setattr(folder, "_copy", replaced_meanwhile)
        # Writing bytes copies nothing, so only the download is caught in the act.
        with pytest.raises(Superseded, match="changed while it was read or moved"):
            bucket.download("a", tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
    assert bucket.download("a", tmp_path / "copy")[0].size == 11


def test_what_is_being_written_is_not_there_yet(root: Path, bucket: FolderBucket, caplog: pytest.LogCaptureFixture) -> None:
    leftover = root / (TEMPORARY_PREFIX.decode() + "0123456789abcdef")
    leftover.write_bytes(b"half an obj")
    assert _keys(bucket) == []
    assert leftover.exists()
    old = time.time() - 2 * 24 * 3600
    os.utime(leftover, (old, old))
    assert _keys(bucket) == []
    assert not leftover.exists()
    with pytest.raises(DocumentRefused, match="temporary files"):
        bucket.write(TEMPORARY_PREFIX.decode() + "x", b"1")


def test_a_write_that_is_killed_leaves_the_old_object(root: Path, bucket: FolderBucket) -> None:
    bucket.write("a", b"old")
    code = """
import os, sys
from pathlib import Path
from docpipe.bucket.folder import FolderBucket
os.fsync = lambda descriptor: os.kill(os.getpid(), 9)
FolderBucket(Path(sys.argv[1])).write("a", b"new" * 1000)
"""
    killed = subprocess.run([sys.executable, "-c", code, str(root)], check=False)
    assert killed.returncode == -9
    assert len(list(root.iterdir())) == 2
    assert _keys(bucket) == ["a"]
    assert bucket.read("a") == b"old"


@contextlib.contextmanager
def _tiny_disk(folder: Path) -> Iterator[None]:
    mounted = (
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], check=False, capture_output=True) if _ROOT else None
    )
    if mounted is None or mounted.returncode != 0:
        pytest.skip("a file system of its own can only be mounted by root")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_leaves_no_half_object(root: Path, tmp_path: Path) -> None:
    with _tiny_disk(root):
        bucket = FolderBucket(root)
        bucket.write("a", b"old")
        with pytest.raises(BucketFull, match="Free space"):
            bucket.write("a", b"x" * 3_000_000)
        (tmp_path / "source").write_bytes(b"x" * 3_000_000)
        with pytest.raises(BucketFull, match="Free space"):
            bucket.write("b", tmp_path / "source")
        elsewhere = FolderBucket(tmp_path)
        with pytest.raises(BucketFull, match="Free space"):
            elsewhere.download("source", root / "copy")
        assert bucket.read("a") == b"old"
        assert [path.name for path in root.iterdir()] == ["a"]


def test_a_file_over_the_limit_of_the_process_leaves_no_half_object(root: Path) -> None:
    code = """
import sys
from pathlib import Path
from docpipe.bucket.folder import FolderBucket
from docpipe.errors import BucketFull
try:
    FolderBucket(Path(sys.argv[1])).write("big", b"x" * 3_000_000)
except BucketFull as error:
    print(error)
"""
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))  # noqa: E731
    done = subprocess.run([sys.executable, "-c", code, str(root)], check=True, capture_output=True, text=True, preexec_fn=limit)
    assert "no room to write: File too large" in done.stdout
    assert list(root.iterdir()) == []


def test_a_file_that_is_written_in_the_instant_before_it_is_deleted_stays(
    root: Path, bucket: FolderBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = bucket.write("a", b"old")
    stock = os.rename

    def overtaken(source: bytes, target: bytes, **folders: int) -> None:
        if source == b"a":
            (root / "newer").write_bytes(b"newer")
            (root / "newer").replace(root / "a")
        stock(source, target, **folders)

    monkeypatch.setattr(os, "rename", overtaken)
    with pytest.raises(Superseded, match="read or moved"):
        bucket.delete("a", only=old)
    assert (_keys(bucket), bucket.read("a")) == (["a"], b"newer")
    assert [path.name for path in root.iterdir()] == ["a"]
