"""Page pictures kept as files on this machine, so that a page is rendered once."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from docpipe.partition_key import document_id
from docpipe.settings import MEBIBYTE, Settings

_SHRINK_TO = 0.8
"""Share of the limit that is left after the oldest pictures went, so that not every new one has to look at all of them."""


def picture_cache(settings: Settings) -> PictureCache:
    """The cache in the home of the settings."""
    return PictureCache(settings.home / "page_pictures", settings.page_pictures_mb * MEBIBYTE)


class PictureCache:
    """Files under one folder, a folder of their own for every document; several processes may use it at once.

    Nothing else may be kept in the folder: what was not asked for the longest is removed once `largest` bytes are exceeded.
    """

    def __init__(self, folder: Path, largest: int) -> None:
        self._folder = folder
        self._largest = largest
        self._size: int | None = None

    def get(self, key: str, name: str) -> bytes | None:
        """The picture of this name of the document with this partition key; None where it is not there."""
        path = self._path(key, name)
        try:
            data = path.read_bytes()
        except OSError:
            return None
        # The time of change says when it was last of use.
        with suppress(OSError):
            os.utime(path)
        return data

    def put(self, key: str, name: str, data: bytes) -> None:
        """Keep a picture; a disk that is full or read-only keeps none, which costs time and nothing else."""
        if len(data) > self._largest:
            return
        path = self._path(key, name)
        unfinished = path.with_name(f"{path.name}.{os.getpid()}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            unfinished.write_bytes(data)
            unfinished.replace(path)
        except OSError:
            with suppress(OSError):
                unfinished.unlink()
            return
        if self._size is None:
            self._size = sum(size for _, size, _ in self._files())
        else:
            self._size += len(data)
        if self._size > self._largest:
            self._shrink()

    def forget(self, key: str) -> None:
        """Remove every picture of a document."""
        shutil.rmtree(self._path(key, "").parent, ignore_errors=True)

    def _path(self, key: str, name: str) -> Path:
        document = document_id(key)
        return self._folder / document[:2] / document / f"{name}.png"

    def _files(self) -> Iterator[tuple[float, int, Path]]:
        """Time of last use, size and path of every picture; those that go meanwhile are left out."""
        for path in self._folder.glob("*/*/*"):
            with suppress(OSError):
                status = path.stat()
                yield status.st_mtime, status.st_size, path

    def _shrink(self) -> None:
        files = sorted(self._files())
        size = sum(one for _, one, _ in files)
        for _, one, path in files:
            if size <= self._largest * _SHRINK_TO:
                break
            with suppress(OSError):
                path.unlink()
                size -= one
        self._size = size
