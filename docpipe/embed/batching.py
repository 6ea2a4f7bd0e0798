"""Cutting texts of many lengths into batches that waste little padding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


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
