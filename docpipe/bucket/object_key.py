"""Which object keys there can be."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from docpipe.attachment_key import SEPARATOR
from docpipe.errors import DocumentRefused

MAX_BYTES = 1024
"""S3's limit, held by folders too: a database index takes no key much longer."""

_log = logging.getLogger(__name__)


def check_object_key(key: str) -> None:
    """Raise `DocumentRefused` for a key that no store could hold."""
    try:
        size = len(key.encode())
    except UnicodeEncodeError:
        raise DocumentRefused(f"Object key {key[:80]!r} is not valid Unicode: rename the object") from None
    if size == 0 or size > MAX_BYTES:
        raise DocumentRefused(f"Object key {key[:80]!r} has {size} bytes: rename the object to 1 to {MAX_BYTES}")
    if "\0" in key:
        raise DocumentRefused(f"Object key {key[:80]!r} contains NUL: rename the object")
    if SEPARATOR in key:
        raise DocumentRefused(f"Object key {key[:80]!r} contains {SEPARATOR!r}, which names attachments: rename the object")


@dataclass
class LeftOut:
    """Counts the names that a listing leaves out, to log them once and not a line each."""

    bucket: str
    count: int = 0
    first: str = ""

    def add(self, name: object) -> None:
        self.first = self.first or repr(name)[:200]
        self.count += 1

    def log(self) -> None:
        if self.count:
            _log.warning(
                "%s: left out %d names that cannot be object keys, the first is %s: rename them", self.bucket, self.count, self.first
            )
