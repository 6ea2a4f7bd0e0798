"""Files that workers leave beside a document's local copy, to become parts of its artifact.

A part is called by its sha256. What a worker left is trusted no more than the document itself.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from docpipe.errors import LimitExceeded, PermanentError

_SHA256 = re.compile("[0-9a-f]{64}")


def parts_folder(source: Path) -> Path:
    """The folder beside the local copy; it need not be there."""
    return source.with_name(f"{source.name}.parts")


def leave(source: Path, data: bytes) -> str:
    """Write a part and return its sha256; for workers. The same bytes are written once."""
    sha256 = hashlib.sha256(data).hexdigest()
    path = parts_folder(source) / sha256
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        unfinished = path.with_name(f"{sha256}.{os.getpid()}")
        unfinished.write_bytes(data)
        unfinished.replace(path)
    return sha256


def collect(source: Path, names: Iterable[str], largest: int) -> list[Path]:
    """The files of these parts, each once; `largest` is the most bytes they may have together.

    Raises `PermanentError` where a worker names what it did not write, `LimitExceeded` for too many bytes.
    """
    found: list[Path] = []
    size = 0
    for name in dict.fromkeys(names):
        path = parts_folder(source) / name
        # Not followed: a link could lead to any file of this machine.
        status = None
        with suppress(OSError, ValueError):
            status = path.lstat() if _SHA256.fullmatch(name) else None
        if status is None or not stat.S_ISREG(status.st_mode):
            raise PermanentError(f"the worker names a part {name[:80]!r} that it did not leave")
        size += status.st_size
        if size > largest:
            raise LimitExceeded(f"its parts have more than {largest:,} bytes")
        # Else an artifact would name a part that nobody ever finds.
        if _sha256(path) != name:
            raise PermanentError(f"the worker left something else as its part {name[:80]!r}")
        found.append(path)
    return found


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
