"""Cutting texts of many lengths into batches that waste little padding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from docpipe.embed.local.encoder import Batch


def token_batches(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Cut texts, longest first, into batches of at most `budget` tokens, padding counted; yields indices.

    The longest batch comes first: where memory does not suffice, that shows at once. A text longer than the budget
    stands alone.
    """
    order = sorted(range(len(lengths)), key=lambda index: -lengths[index])
    start = 0
    while start < len(order):
        size = max(1, budget // max(1, lengths[order[start]]))
        yield order[start : start + size]
        start += size


def padded(texts: Sequence[NDArray[np.int32]]) -> Batch:
    """Put the token ids of several texts into one array, the longest first."""
    ids = np.zeros((len(texts), len(texts[0])), dtype=np.int64)
    mask = np.zeros_like(ids)
    for row, text in enumerate(texts):
        ids[row, : len(text)] = text
        mask[row, : len(text)] = 1
    return Batch(ids, mask)
