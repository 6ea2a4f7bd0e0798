"""A copy of a shard that shares with it what no later write changes.

Found by comparing every file before and after updates, deletions, optimization and reopening (Qdrant Edge 0.9;
`tests/index/edge/test_clone.py` does it again): in a segment that was indexed the engine changes only which points are deleted, their
versions, the block maps of its payload and its `segment.json`. Vectors, graph, inverted index, payload pages and
payload indexes stay as they were built. A segment that still grows changes everywhere.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

from docpipe.settings import MEBIBYTE

INDEXED = "id_tracker.mappings"
"""A segment has this file once it was indexed; one that still grows has `mutable_id_tracker.mappings`."""

UNCHANGED = (
    INDEXED,
    "payload_index/*/data.bin",
    "payload_index/*/data_block_index.bin",
    "payload_index/*/point_to_values.bin",
    "payload_index/*/values_to_points.bin",
    "payload_storage/page_*.dat",
    "vector_index-*/graph.bin",
    "vector_index-*/inverted_index.dat",
    "vector_index-*/links*.bin",
    "vector_storage-*/matrix.dat",
    "vector_storage-*/quantized.data",
    "vector_storage-*/store/page_*.dat",
)
"""Files of an indexed segment that may be shared; what is not named here is copied."""

_COPY_BYTES = 8 * MEBIBYTE


def clone(source: Path, target: Path) -> None:
    """Make `target` a shard of its own with the content of `source`, which nobody may change meanwhile."""
    for folder, _, files in os.walk(source):
        beside = target / Path(folder).relative_to(source)
        beside.mkdir(parents=True)
        for name in files:
            original = Path(folder) / name
            if not (may_be_shared(original.relative_to(source), source) and _linked(original, beside / name)):
                copy_sparse(original, beside / name)


def copied_bytes(source: Path) -> int:
    """Room that a clone takes on the disk, about: file systems round the ends of holes."""
    return sum(
        file.stat().st_blocks * 512 for file in source.rglob("*") if file.is_file() and not may_be_shared(file.relative_to(source), source)
    )


def own_files(shard: Path) -> Iterator[Path]:
    """Files that no other shard shares."""
    return (file for file in shard.rglob("*") if file.is_file() and file.stat().st_nlink == 1)


def may_be_shared(file: Path, shard: Path) -> bool:
    """Whether a file, given relative to its shard, stays as it is for as long as it is there."""
    top, *rest = file.parts
    if top != "segments" or len(rest) < 2 or not (shard / top / rest[0] / INDEXED).exists():
        return False
    inside = "/".join(rest[1:])
    return any(pattern.count("/") == inside.count("/") and fnmatch(inside, pattern) for pattern in UNCHANGED)


def copy_sparse(source: Path, target: Path) -> None:
    """Copy a file and leave its holes holes: the engine reserves space in files of 1 to 32 MB, and fills little of it."""
    with source.open("rb") as read, target.open("xb") as write:
        size = os.fstat(read.fileno()).st_size
        start = 0
        while start < size:
            start, end = _extent(read.fileno(), start, size)
            os.lseek(read.fileno(), start, os.SEEK_SET)
            os.lseek(write.fileno(), start, os.SEEK_SET)
            while start < end and (block := os.read(read.fileno(), min(_COPY_BYTES, end - start))):
                start += os.write(write.fileno(), block)
            if start < end:
                break
        os.ftruncate(write.fileno(), size)


def _extent(descriptor: int, start: int, size: int) -> tuple[int, int]:
    """The next stretch of a file that holds data, from `start` on."""
    if not hasattr(os, "SEEK_DATA"):
        return start, size
    try:
        begin = os.lseek(descriptor, start, os.SEEK_DATA)
        return begin, os.lseek(descriptor, begin, os.SEEK_HOLE)
    except OSError as error:
        if error.errno == errno.ENXIO:
            return size, size
        return start, size


def _linked(original: Path, link: Path) -> bool:
    """Whether the file system could give the file a second name."""
    try:
        os.link(original, link)
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise
        return False
    return True
