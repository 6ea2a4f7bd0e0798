"""The contract of a backend: padded tokens in, vectors out."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Encoder(Protocol):
    """One loaded model; not safe for threads, `LocalEmbedder` takes turns."""

    @property
    def precision(self) -> str:
        """`bf16` or `f32`."""

    def encode(self, ids: NDArray[np.int64], mask: NDArray[np.int64]) -> NDArray[np.float32]:
        """Encode a batch: (texts, width) token ids, and 1 for a token, 0 for padding; (texts, dimension).

        Raises `TransientError` when the device fails or lacks memory.
        """
