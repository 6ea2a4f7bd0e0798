"""Lists the files below a folder in the order in which S3 lists keys, in bounded memory."""

from __future__ import annotations

import heapq
import logging
import os
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from docpipe.bucket.object_key import MAX_BYTES, LeftOut
from docpipe.errors import BucketMissing

TEMPORARY_PREFIX = b".docpipe-writing-"
"""Begins the names of files that are still being written: no listing shows them."""

_ABANDONED_SECONDS = 24 * 3600
"""A temporary file that nobody wrote to for so long belonged to a process that was killed."""

_PAGE = 50_000
"""Names of one folder held at a time: a folder with more is read several times."""

_log = logging.getLogger(__name__)


def list_files(root: Path, after: str, prefix: str) -> Iterator[tuple[str, os.stat_result]]:
    """Yield key and status of every regular file whose key is greater than `after` and starts with `prefix`.

    Keys come in order of their UTF-8 bytes, which is S3's: a folder `a` sorts as `a/`, so `a-b` comes before `a/b`
    and that before `a0`.
    """
    left_out = LeftOut(str(root))
    walk = _Walk(os.fsencode(root) + b"/", after.encode(), prefix.encode(), left_out)
    first = walk.prefix[: walk.prefix.rfind(b"/") + 1]
    if not root.is_dir():
        raise BucketMissing(f"The folder {root} does not exist: create or mount it, or set DOCPIPE_BUCKET to another")
    if not walk.is_plain(first):
        return
    # A stack instead of recursion: folders in folders go deeper than Python's stack.
    stack = [walk.entries(first)]
    try:
        while stack:
            key = next(stack[-1], None)
            if key is None:
                stack.pop()
            elif key.endswith(b"/"):
                stack.append(walk.entries(key))
            elif key.rpartition(b"/")[2].startswith(TEMPORARY_PREFIX):
                _remove_abandoned(walk.base + key)
            else:
                try:
                    text = key.decode()
                    status = os.lstat(walk.base + key)
                except UnicodeDecodeError:
                    left_out.add(key)
                except FileNotFoundError:
                    continue
                else:
                    if stat.S_ISREG(status.st_mode):
                        yield text, status
    finally:
        left_out.log()


@dataclass(frozen=True)
class _Walk:
    base: bytes
    after: bytes
    prefix: bytes
    left_out: LeftOut

    def is_plain(self, folder: bytes) -> bool:
        """Say whether the folder is there, and no part of the way to it is a link."""
        ends = [index for index, byte in enumerate(folder) if byte == ord("/")]
        try:
            return all(stat.S_ISDIR(os.lstat(self.base + folder[:end]).st_mode) for end in ends)
        except (FileNotFoundError, NotADirectoryError):
            return False

    def entries(self, folder: bytes) -> Iterator[bytes]:
        """Yield the wanted keys directly in `folder`, in order; a folder's ends with `/`."""
        last = b""
        while True:
            page = heapq.nsmallest(_PAGE, self._wanted(folder, last))
            yield from page
            if len(page) < _PAGE:
                return
            last = page[-1]

    def _wanted(self, folder: bytes, last: bytes) -> Iterator[bytes]:
        try:
            with os.scandir(self.base + folder) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        key = folder + entry.name + b"/"
                        wanted = (key > self.after or self.after.startswith(key)) and (
                            key.startswith(self.prefix) or self.prefix.startswith(key)
                        )
                    else:
                        key = folder + entry.name
                        wanted = key > self.after and key.startswith(self.prefix)
                    if not wanted or key <= last:
                        continue
                    if len(key) > MAX_BYTES:
                        self.left_out.add(key)
                    else:
                        yield key
        except (FileNotFoundError, NotADirectoryError):
            # Removed since its own folder was read.
            return


def _remove_abandoned(path: bytes) -> None:
    try:
        if time.time() - os.lstat(path).st_mtime > _ABANDONED_SECONDS:
            Path(os.fsdecode(path)).unlink()
            _log.info("removed %r, left over from a write that was cut off", path)
    except FileNotFoundError:
        return
    except OSError as error:
        _log.warning("cannot remove %r, left over from a write that was cut off: %s", path, error.strerror)
