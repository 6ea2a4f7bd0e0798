"""A folder of the local file system as a bucket.

Symbolic links are never followed below the folder itself, on any way in: whoever can put a link into the folder must
not be able to have a file outside of it read or written.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import secrets
import stat
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from docpipe.bucket.disk import disk_errors
from docpipe.bucket.folder_listing import TEMPORARY_PREFIX, list_files
from docpipe.bucket.object_key import check_object_key
from docpipe.errors import BucketMissing, DocumentRefused, Superseded
from docpipe.models import ObjectInfo

_COPY_BYTES = 1024 * 1024
_NAME_BYTES = 255
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Without O_NONBLOCK a named pipe in the folder would hang its reader.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
# What opening says when a name on the way is a link or a file: no object has that key.
_NOT_THERE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO)


class FolderBucket:
    """Objects are files; a `/` in the key is a folder."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()

    def __repr__(self) -> str:
        return f"FolderBucket({self._root})"

    def list(self, after: str = "", prefix: str = "") -> Iterator[ObjectInfo]:
        if prefix:
            _names(prefix.rstrip("/") or prefix)
        with disk_errors(self._root):
            for key, status in list_files(self._root, after, prefix):
                yield _info(key, status)

    def stat(self, key: str) -> ObjectInfo:
        with self._open(key) as file:
            return _info(key, os.fstat(file.fileno()))

    def read(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        with self._open(key) as file, disk_errors(self._root):
            file.seek(start)
            return file.read(-1 if length is None else length)

    def download(self, key: str, path: Path) -> tuple[ObjectInfo, str]:
        with self._open(key) as source, disk_errors(path):
            before = _info(key, os.fstat(source.fileno()))
            try:
                with path.open("wb") as target:
                    digest = _copy(source, target)
                # Replacing a file takes the old one's last name from it, which changes its ctime and so its etag.
                after = _info(key, os.fstat(source.fileno()))
            except BaseException:
                path.unlink(missing_ok=True)
                raise
        if after != before:
            path.unlink(missing_ok=True)
            raise _changed(key)
        return before, digest

    def write(self, key: str, data: bytes | Path) -> ObjectInfo:
        """Store an object through a temporary file beside it.

        After a power cut the object is whole, the new one or the one before: the content is synced before it gets its
        name, the name itself is left to the file system.
        """
        *folders, name = _names(key)
        if name.startswith(TEMPORARY_PREFIX):
            raise DocumentRefused(f"{key!r}: names with {TEMPORARY_PREFIX.decode()!r} in front are for temporary files, rename the object")
        with disk_errors(self._root):
            while True:
                try:
                    with self._folder(folders, key, create=True) as folder:
                        return _info(key, _replace(folder, name, data))
                except FileNotFoundError:
                    # Another thread deleted the last other object of the folder, and the folder with it.
                    if isinstance(data, Path) and not data.exists():
                        raise
                except (IsADirectoryError, NotADirectoryError):
                    raise _clash(key) from None

    def copy(self, info: ObjectInfo, key: str) -> ObjectInfo | None:
        *folders, name = _names(key)
        with self._open(info.key) as source, disk_errors(self._root):
            while True:
                source.seek(0)
                try:
                    with self._folder(folders, key, create=True) as folder, _temporary(folder) as (temporary, file):
                        _copy(source, file)
                        _make_durable(file)
                        if _info(info.key, os.fstat(source.fileno())).identity != info.identity:
                            raise _changed(info.key)
                        # Unlike renaming, linking never replaces what is there.
                        os.link(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
                        os.unlink(temporary, dir_fd=folder)
                        return _info(key, os.fstat(file.fileno()))
                except FileExistsError:
                    return None
                except FileNotFoundError:
                    # Another thread deleted the last other object of the folder, and the folder with it.
                    continue
                except (IsADirectoryError, NotADirectoryError):
                    raise _clash(key) from None

    def delete(self, key: str, only: ObjectInfo | None = None) -> None:
        *folders, name = _names(key)
        with disk_errors(self._root):
            try:
                with self._folder(folders, key) as folder:
                    if only is None:
                        os.unlink(name, dir_fd=folder)
                    changed = only is not None and not _unlink_only(folder, name, only)
            except (Superseded, FileNotFoundError, IsADirectoryError):
                return
            if changed:
                raise _changed(key)
            if only is not None:
                # Somebody else's object, and their folder: they may write into it again, and expect it to be there.
                return
            # A key without objects is no folder: emptied ones go, from the innermost outwards.
            for depth in range(len(folders), 0, -1):
                try:
                    with self._folder(folders[: depth - 1], key) as parent:
                        os.rmdir(folders[depth - 1], dir_fd=parent)
                except (Superseded, OSError):
                    return

    @contextlib.contextmanager
    def _folder(self, names: Sequence[bytes], key: str, *, create: bool = False) -> Iterator[int]:
        """Open the folder step by step, so that no link is followed even if it appears meanwhile."""
        try:
            folder = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError):
            raise BucketMissing(f"The folder {self._root} does not exist: create or mount it, or set DOCPIPE_BUCKET to another") from None
        try:
            for name in names:
                if create:
                    with contextlib.suppress(FileExistsError):
                        os.mkdir(name, dir_fd=folder)
                try:
                    inner = os.open(name, _FOLDER, dir_fd=folder)
                except OSError as error:
                    if create or error.errno not in _NOT_THERE:
                        raise
                    raise _missing(key) from None
                os.close(folder)
                folder = inner
            yield folder
        finally:
            os.close(folder)

    @contextlib.contextmanager
    def _open(self, key: str) -> Iterator[BinaryIO]:
        *folders, name = _names(key)
        with disk_errors(self._root):
            with self._folder(folders, key) as folder:
                try:
                    descriptor = os.open(name, _FILE, dir_fd=folder)
                except PermissionError:
                    # One forbidden file is that document's trouble, not the bucket's.
                    raise DocumentRefused(f"{key!r} may not be read: give the user of this process read permission") from None
                except OSError as error:
                    if error.errno not in _NOT_THERE:
                        raise
                    raise _missing(key) from None
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                os.close(descriptor)
                raise _missing(key)
        with os.fdopen(descriptor, "rb") as file:
            yield file


def _names(key: str) -> list[bytes]:
    """Split a key into file names; `DocumentRefused` for one that would not be a path inside the folder."""
    check_object_key(key)
    names = key.encode().split(b"/")
    if any(name in (b"", b".", b"..") for name in names):
        raise DocumentRefused(f"{key!r} cannot be a path in a folder: rename it, without empty parts, `.` and `..` between slashes")
    if max(map(len, names)) > _NAME_BYTES:
        raise DocumentRefused(f"{key[:80]!r}… has a part of over {_NAME_BYTES} bytes, too long for a file name: rename it")
    return names


def _missing(key: str) -> Superseded:
    return Superseded(f"{key!r} is not in the bucket any more: the next look at the bucket takes note")


def _changed(key: str) -> Superseded:
    return Superseded(f"{key!r} changed while it was read or moved: the next look at the bucket takes the new one")


def _clash(key: str) -> DocumentRefused:
    return DocumentRefused(f"{key!r} cannot be stored in a folder: a file and a folder would need the same name")


def _info(key: str, status: os.stat_result) -> ObjectInfo:
    modified = datetime.fromtimestamp(status.st_mtime, UTC) if 0 <= status.st_mtime < 2**35 else None
    return ObjectInfo(key, status.st_size, f"{status.st_ino:x}-{status.st_ctime_ns:x}-{status.st_size:x}", "", modified)


@contextlib.contextmanager
def _temporary(folder: int) -> Iterator[tuple[bytes, BinaryIO]]:
    """A new file that no listing shows; gone after the block unless it got another name."""
    temporary = TEMPORARY_PREFIX + secrets.token_hex(8).encode()
    descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666, dir_fd=folder)
    with os.fdopen(descriptor, "wb") as file:
        try:
            yield temporary, file
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary, dir_fd=folder)
            raise


def _replace(folder: int, name: bytes, data: bytes | Path) -> os.stat_result:
    with _temporary(folder) as (temporary, file):
        if isinstance(data, Path):
            with data.open("rb") as source:
                _copy(source, file)
        else:
            file.write(data)
        _make_durable(file)
        os.replace(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
        # Renaming changes the ctime, so the etag is read from the file under its final name.
        return os.fstat(file.fileno())


def _make_durable(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _unlink_only(folder: int, name: bytes, only: ObjectInfo) -> bool:
    """Remove a file if it still is the one of `only`; False where it is another.

    No system call removes a file on a condition. So it is taken aside first, and put back if somebody wrote it in the instant before.
    """
    seen = os.stat(name, dir_fd=folder, follow_symlinks=False)
    if _info(only.key, seen).identity != only.identity:
        return False
    aside = TEMPORARY_PREFIX + secrets.token_hex(8).encode()
    os.rename(name, aside, src_dir_fd=folder, dst_dir_fd=folder)
    taken = os.stat(aside, dir_fd=folder, follow_symlinks=False)
    # Not the ctime, which renaming has changed.
    is_same = (taken.st_ino, taken.st_size, taken.st_mtime_ns) == (seen.st_ino, seen.st_size, seen.st_mtime_ns)
    if not is_same:
        # One that came since is newer still.
        with contextlib.suppress(FileExistsError):
            os.link(aside, name, src_dir_fd=folder, dst_dir_fd=folder)
    os.unlink(aside, dir_fd=folder)
    return is_same


def _copy(source: BinaryIO, target: BinaryIO) -> str:
    """Copy all of a file and return the sha256 of what was copied."""
    hasher = hashlib.sha256()
    while block := source.read(_COPY_BYTES):
        hasher.update(block)
        target.write(block)
    return hasher.hexdigest()
