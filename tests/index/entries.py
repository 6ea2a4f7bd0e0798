"""Entries with vectors that are easy to tell apart."""

from __future__ import annotations

import numpy as np

from docpipe.index import Entry, Passage
from docpipe.index.collection import Collection

DIMENSION = 8

COLLECTION = Collection("documents-0123abcd", "test model", "0123abcd" * 8, DIMENSION)

WORDS = ("zebra", "lighthouse", "pump", "invoice", "glacier", "violin", "turbine", "saffron")


def entry(key: str, generation: int = 1, passages: int = 3, *, document_class: str = "report", language: str = "en") -> Entry:
    """Passage n lies along axis n and speaks of the n-th word."""
    made = [
        Passage(number, f"{WORDS[number % 8]} {key}", {"text": f"{WORDS[number % 8]} {key}", "language": language})
        for number in range(passages)
    ]
    vectors = np.tile(np.eye(DIMENSION, dtype=np.float32), (passages // DIMENSION + 1, 1))[:passages]
    return Entry(key, generation, {"object_key": f"{key}.pdf", "document_class": document_class}, made, vectors)
