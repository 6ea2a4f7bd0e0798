"""Frames on the pipes between the pool and a worker.

To the worker: an 8-byte length and a pickle. From the worker: a 4-byte and an 8-byte length, a JSON object and raw
bytes. Nothing that a worker sends is ever unpickled: a worker taken over by a hostile file must gain nothing by it.
"""

from __future__ import annotations

import json
import os
import struct
from typing import Any

REQUEST_PREFIX = struct.Struct(">Q")
ANSWER_PREFIX = struct.Struct(">IQ")
MAX_HEADER_BYTES = 16 * 1024 * 1024


def answer_frame(header: dict[str, Any]) -> bytes:
    """The JSON part of a frame, as UTF-8; characters that are not valid unicode are escaped."""
    return json.dumps(header, allow_nan=False).encode()


def write_all(descriptor: int, *parts: bytes) -> None:
    """Write to a blocking descriptor."""
    for part in parts:
        view = memoryview(part)
        while view:
            view = view[os.write(descriptor, view) :]


def read_exactly(descriptor: int, length: int) -> bytes | None:
    """Read `length` bytes from a blocking descriptor; None where the other side has closed it."""
    buffer = bytearray()
    while len(buffer) < length:
        data = os.read(descriptor, min(length - len(buffer), 1 << 20))
        if not data:
            return None
        buffer += data
    return bytes(buffer)
