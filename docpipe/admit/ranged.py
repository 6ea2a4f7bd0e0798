"""A remote object as a file that can be read anywhere."""

from __future__ import annotations

import io
from collections import OrderedDict
from collections.abc import Callable

_BLOCK = 64 * 1024
_BLOCKS = 64
"""Blocks kept: 4 MiB, whatever the object's size."""

Read = Callable[[int, int], bytes]
"""`read(start, length)`: bytes of the object, fewer where it ends before."""


class RangedFile(io.RawIOBase):
    """A read-only file over ranged reads, in blocks of 64 KiB so that small reads share one request."""

    def __init__(self, read: Read, size: int) -> None:
        super().__init__()
        self._read = read
        self._size = size
        self._position = 0
        self._blocks: OrderedDict[int, bytes] = OrderedDict()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise ValueError(f"position {base + offset} lies before the start")
        self._position = base + offset
        return self._position

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes; never more than the object has."""
        left = max(0, self._size - self._position)
        wanted = left if size < 0 else min(size, left)
        parts: list[bytes] = []
        while wanted > 0:
            number, offset = divmod(self._position, _BLOCK)
            part = self._block(number)[offset : offset + wanted]
            if not part:
                break
            parts.append(part)
            self._position += len(part)
            wanted -= len(part)
        return b"".join(parts)

    def _block(self, number: int) -> bytes:
        if number in self._blocks:
            self._blocks.move_to_end(number)
            return self._blocks[number]
        start = number * _BLOCK
        data = self._read(start, min(_BLOCK, self._size - start))
        self._blocks[number] = data
        if len(self._blocks) > _BLOCKS:
            self._blocks.popitem(last=False)
        return data
