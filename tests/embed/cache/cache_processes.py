"""What the other processes of a test do with the cache."""

from __future__ import annotations

import hashlib
from itertools import count
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from docpipe.embed.cache.embedding_cache import EmbeddingCache

DIMENSION = 384
_LARGEST = 100_000_000


def key(number: int) -> bytes:
    return hashlib.sha256(str(number).encode()).digest()


def vector(number: int) -> NDArray[np.float32]:
    made = np.random.default_rng(number).standard_normal(DIMENSION).astype(np.float32)
    return np.asarray(made / np.linalg.norm(made), dtype=np.float32)


def keep_and_find(path: Path, start: int) -> int:
    """Keep two hundred vectors in small steps; returns how many of them are found."""
    cache = EmbeddingCache(path, _LARGEST)
    numbers = range(start, start + 200)
    for first in range(start, start + 200, 10):
        cache.keep([key(number) for number in range(first, first + 10)], np.vstack([vector(number) for number in range(first, first + 10)]))
    found = cache.find([key(number) for number in numbers], DIMENSION)[1]
    cache.close()
    return int(found.sum())


def keep_until_killed(path: Path, sender: Connection) -> None:
    """Keep vectors without end, and tell how many there are by now."""
    cache = EmbeddingCache(path, _LARGEST)
    for turn in count():
        numbers = range(turn * 100, turn * 100 + 100)
        cache.keep([key(number) for number in numbers], np.vstack([vector(number) for number in numbers]))
        sender.send(turn * 100 + 100)
