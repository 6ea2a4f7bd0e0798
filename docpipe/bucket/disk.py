"""What an error of the file system means for the pipeline."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path

from docpipe.errors import BucketDenied, BucketFull, BucketUnavailable

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_DENIED = (errno.EACCES, errno.EPERM, errno.EROFS)


@contextlib.contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn an `OSError` below `path` into the error of the bucket that decides what happens next."""
    try:
        yield
    except OSError as error:
        reason = f"{error.strerror or error} ({path})"
        if error.errno in _FULL:
            raise BucketFull(f"There is no room to write: {reason}. Free space, or raise the quota, and run again") from error
        if error.errno in _DENIED:
            raise BucketDenied(
                f"The folder cannot be used: {reason}. Give the user of this process permission on it and all below"
            ) from error
        raise BucketUnavailable(f"The file system did not answer as it should: {reason}. Look at the disk or the mount") from error
