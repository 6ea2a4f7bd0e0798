"""Temporary folders that are removed even when their process was killed."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from docpipe.errors import BucketFull

_MINUTE = 60.0


@contextmanager
def working_folder(prefix: str) -> Iterator[Path]:
    """A new folder where temporary files belong, gone afterwards.

    Folders with the same prefix that a killed process left behind are removed first. The prefix must be ours alone.
    Raises `BucketFull` where there is no room for it.
    """
    _sweep(prefix)
    with room_in(tempfile.gettempdir()):
        path = Path(tempfile.mkdtemp(prefix=prefix))
    # The lock ends with the process, however that ends: this is how the next one knows that nobody needs the folder.
    lock = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(lock)


@contextmanager
def room_in(folder: Path | str) -> Iterator[None]:
    """Tell what to do where the folder has no room for what is written: `BucketFull`."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise BucketFull(f"there is no room for temporary files in {folder}: free space, or set TMPDIR to another folder") from error
        raise


def _sweep(prefix: str) -> None:
    for path in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        # Another user's folder, or one that another process removes at the same time, is none of our concern.
        with suppress(OSError):
            # A folder is made before it is locked: a new one is left alone.
            if (
                path.is_dir()
                and not path.is_symlink()
                and path.stat().st_uid == os.getuid()
                and time.time() - path.stat().st_mtime > _MINUTE
            ):
                _remove_unless_used(path)


def _remove_unless_used(path: Path) -> None:
    lock = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(path, ignore_errors=True)
    finally:
        os.close(lock)
