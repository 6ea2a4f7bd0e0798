"""The contract of a backend: padded tokens in, vectors out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Batch:
    """Texts that are encoded together."""

    ids: NDArray[np.int64]
    """(texts, width) token ids, padded on the right."""
    mask: NDArray[np.int64]
    """The same shape: 1 for a token, 0 for padding."""


class Encoder(Protocol):
    """One loaded model; safe for threads, whose batches take turns: a query waits for some batches of a run, not for all."""

    @property
    def precision(self) -> str:
        """`bf16`, `f16` or `f32`."""

    @property
    def batch_tokens(self) -> int:
        """Tokens of a batch that suit the device best, padding counted."""

    def encode(self, batches: Iterable[Batch]) -> Iterator[NDArray[np.float32]]:
        """Yield (texts, dimension) for every batch, in order; reads some batches ahead, so that the device never waits.

        Raises `TransientError` when the device fails or lacks memory even for one text.
        """
