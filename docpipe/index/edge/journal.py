"""What was written since a generation was shown, so that a killed writer loses nothing and shows nothing by halves.

The engine has a log of its own, which brings back single operations: between the two halves of a replacement it would show both.
This one brings back whole documents. A record is written when the engine has taken what is in it, so one
that would kill the process never gets here; one that is torn was never acknowledged and is cut off.
"""

from __future__ import annotations

import json
import logging
import os
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from docpipe.errors import IndexFull
from docpipe.index.contract import Entry, Passage
from docpipe.index.edge.place import sync

_HEAD = struct.Struct("<4sIQI")
"""Magic, bytes of JSON, bytes of vectors, checksum of both."""
_MAGIC = b"DPJ1"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Replaced:
    """One document was written."""

    entry: Entry


@dataclass(frozen=True, slots=True)
class Deleted:
    """Documents were removed."""

    keys: Sequence[str]
    keep: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Journal:
    """One file; missing is empty."""

    path: Path

    @property
    def is_empty(self) -> bool:
        """Whether it has nothing to say; a record that was torn counts as something."""
        try:
            return self.path.stat().st_size == 0
        except FileNotFoundError:
            return True

    def append(self, written: Sequence[Replaced | Deleted]) -> None:
        """Add records, all on the disk when this returns; where that fails, none is added. Raises `IndexFull`."""
        new = not self.path.exists()
        try:
            with self.path.open("ab", buffering=0) as file:
                before = file.tell()
                try:
                    for one in written:
                        _write_all(file.fileno(), *_record(one))
                    os.fsync(file.fileno())
                except BaseException:
                    with suppress(OSError):
                        os.ftruncate(file.fileno(), before)
                    raise
            if new:
                sync(self.path.parent)
        except OSError as error:
            raise IndexFull(f"{self.path} cannot be written ({error.strerror}): free space, or allow this user to write there") from error

    def read(self) -> Iterator[Replaced | Deleted]:
        """Yield what is whole, in order, and cut off what comes after it."""
        if self.is_empty:
            return
        with self.path.open("r+b") as file:
            size, whole = os.fstat(file.fileno()).st_size, 0
            while (read := _read(file, size)) is not None:
                whole = file.tell()
                yield read
            if whole < size:
                log.warning("%s: the last %d bytes are not whole and are left out; see `docpipe check`", self.path, size - whole)
                os.ftruncate(file.fileno(), whole)


def _record(one: Replaced | Deleted) -> tuple[bytes, bytes, bytes]:
    vectors = np.empty((0, 0), dtype="<f4")
    if isinstance(one, Replaced):
        entry = one.entry
        if entry.vectors is not None:
            vectors = np.ascontiguousarray(entry.vectors, dtype="<f4")
        passages = [[passage.chunk, passage.text, passage.payload] for passage in entry.passages]
        said: dict[str, Any] = {"key": entry.key, "generation": entry.generation, "payload": entry.payload, "passages": passages}
    else:
        said = {"keys": list(one.keys), "keep": {key: one.keep[key] for key in one.keys if key in one.keep}}
    body = json.dumps(said, separators=(",", ":")).encode()
    raw = vectors.tobytes()
    return _HEAD.pack(_MAGIC, len(body), len(raw), zlib.crc32(raw, zlib.crc32(body))), body, raw


def _read(file: BinaryIO, size: int) -> Replaced | Deleted | None:
    """The next record; None at the end, and for one that is not whole."""
    head = file.read(_HEAD.size)
    if len(head) < _HEAD.size:
        return None
    magic, body_bytes, vector_bytes, checksum = _HEAD.unpack(head)
    if magic != _MAGIC or body_bytes + vector_bytes > size - file.tell():
        return None
    body, raw = file.read(body_bytes), file.read(vector_bytes)
    if zlib.crc32(raw, zlib.crc32(body)) != checksum:
        return None
    said = json.loads(body)
    if "keys" in said:
        return Deleted(said["keys"], said["keep"])
    passages = [Passage(chunk, text, payload) for chunk, text, payload in said["passages"]]
    vectors = np.frombuffer(raw, dtype="<f4").reshape(len(passages), -1) if passages else None
    return Replaced(Entry(said["key"], said["generation"], said["payload"], passages, vectors))


def _write_all(descriptor: int, *pieces: bytes) -> None:
    for piece in pieces:
        left = memoryview(piece)
        while left:
            left = left[os.write(descriptor, left) :]
