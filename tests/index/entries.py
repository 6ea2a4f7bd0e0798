"""Entries with vectors that are easy to tell apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from docpipe.index import Entry, Passage
from docpipe.index.collection import Collection

DIMENSION = 8

COLLECTION = Collection("documents", "test model", "0123abcd" * 8, "test", DIMENSION)

WORDS = ("zebra", "lighthouse", "pump", "invoice", "glacier", "violin", "turbine", "saffron")


def entry(
    key: str,
    generation: int = 1,
    passages: int = 3,
    *,
    document_class: str = "report",
    language: str = "en",
    tags: Sequence[str] = (),
    date: str | None = None,
) -> Entry:
    """Passage n lies along axis n and speaks of the n-th word."""
    made = [
        Passage(number, f"{WORDS[number % 8]} {key}", {"text": f"{WORDS[number % 8]} {key}", "language": language})
        for number in range(passages)
    ]
    vectors = np.tile(np.eye(DIMENSION, dtype=np.float32), (passages // DIMENSION + 1, 1))[:passages]
    payload = {"object_key": f"{key}.pdf", "document_class": document_class, "tags": list(tags)} | ({"date": date} if date else {})
    return Entry(key, generation, payload, made, vectors)


def axis(number: int) -> NDArray[np.float32]:
    """The vector of passage `number` of every entry."""
    vector = np.zeros(DIMENSION, dtype=np.float32)
    vector[number] = 1
    return vector
