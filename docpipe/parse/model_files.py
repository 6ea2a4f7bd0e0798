"""What the models that readers use are, as far as they shape what is read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path


def hashes(folder: str, names: Iterable[str]) -> dict[str, str]:
    """The sha256 of each file by its name; `missing` for one that is not there, which the stage's start says more about."""
    return {name: _known(Path(folder) / name) for name in names}


def _known(path: Path) -> str:
    try:
        stamp = path.stat()
        return _sha256(path, stamp.st_size, stamp.st_mtime_ns)
    except OSError:
        return "missing"


@lru_cache(maxsize=256)
def _sha256(path: Path, size: int, changed: int) -> str:  # noqa: ARG001 - with these, a replaced file is a new entry
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
