"""The engine's own errors, and the disk under it."""

from __future__ import annotations

import ctypes
import errno
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from docpipe.errors import ConfigurationError, DocpipeError, IndexFull, IndexUnavailable
from docpipe.settings import MEBIBYTE

RESERVE_BYTES = 256 * MEBIBYTE
"""Room that must be left on the disk before anything is written: the engine maps its files into memory, so a full disk
does not raise an error there, it kills the process (SIGBUS). A slice of points takes about 10 MB, an empty shard 170."""

_OS_ERROR = re.compile(r"\(os error (\d+)\)")
"""How the engine, which is written in Rust, names an error of the system."""


@contextmanager
def engine(folder: Path) -> Iterator[None]:
    """Give errors of the engine, all of them plain `Exception` or a panic, and of the system a class that decides policy."""
    try:
        yield
    except DocpipeError:
        raise
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise _meaning(folder, error) from error


def never_drop(shard: object) -> None:
    """Keep a shard that came with a fork as it is: its threads stayed behind, and its files are the parent's."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(shard))


def check_space(folder: Path, more: int = 0) -> None:
    """Raise `IndexFull` where `more` bytes would not leave `RESERVE_BYTES`."""
    free, needed = free_bytes(folder), RESERVE_BYTES + more
    if free < needed:
        raise IndexFull(
            f"the disk of the index {folder} has {free // MEBIBYTE} MiB left and needs {needed // MEBIBYTE}: free space and run again"
        )


def _meaning(folder: Path, error: BaseException) -> DocpipeError:
    number = error.errno if isinstance(error, OSError) else int(said[1]) if (said := _OS_ERROR.search(str(error))) else None
    if number in {errno.ENOSPC, errno.EDQUOT}:
        return IndexFull(f"the disk of the index {folder} is full: free space and run again")
    if number in {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST}:
        return ConfigurationError(f"the index folder {folder} cannot be used ({error}): allow this user to write there, to search as well")
    if number in {errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS}:
        advice = "put DOCPIPE_HOME on a local disk, or use a Qdrant server (DOCPIPE_QDRANT_URL)"
        return ConfigurationError(f"the file system of the index {folder} cannot lock files ({error}): {advice}")
    advice = f"run again; if it fails again, delete {folder}, then `docpipe check --repair`"
    return IndexUnavailable(f"the embedded index failed ({error}): {advice}")


def free_bytes(folder: Path) -> int:
    return shutil.disk_usage(folder).free
