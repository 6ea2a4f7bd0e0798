"""The contract of an embedder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from docpipe.embed.model import EmbeddingModel
from docpipe.errors import DocpipeError


@dataclass(frozen=True, slots=True)
class Part:
    """What became of some of many texts."""

    places: Sequence[int]
    """Of these texts, among those that were handed over."""
    vectors: NDArray[np.float32]
    """(places, dimension), unit length; (0, dimension) where there is an error."""
    cached: bool = False
    """Found instead of made."""
    billed_tokens: int = 0
    """What a provider counts for these texts together."""
    error: DocpipeError | None = None
    """Why there are no vectors for these texts; others may have theirs."""

    def bills(self, lengths: NDArray[np.int64]) -> NDArray[np.int64]:
        """Divide the billed tokens among the texts by their lengths, so that the parts add up to the whole."""
        ends = np.cumsum(lengths, dtype=np.float64)
        if not len(ends):
            return np.zeros(0, dtype=np.int64)
        bills: NDArray[np.int64] = np.diff(np.rint(ends / ends[-1] * self.billed_tokens), prepend=0).astype(np.int64)
        return bills


class Embedder(Protocol):
    """Turns texts into unit vectors; open one with `open_embedder`. Safe for threads."""

    @property
    def model(self) -> EmbeddingModel: ...

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed texts; (n, dimension), unit length, in the order of the texts.

        A text's vector does not depend on its neighbours (cosine above 0.9995 between any two batches, and between
        any two backends). Raises `EmbeddingInvalid` for a text over the model's window and for a vector that is
        not finite or zero: nothing is cut silently. Raises `TransientError` when the device or the provider fails.
        """


class BatchEmbedder(Embedder, Protocol):
    """Embeds many texts, of which some may fail."""

    def embed_parts(self, texts: Sequence[str]) -> Iterator[Part]:
        """Yield every text's vector or error, as they come, in any order; neighbours in length make full batches.

        Raises `TransientError` where the device or the provider is away for all texts, `ConfigurationError` where no text could do
        better.
        """


def joined(parts: Iterator[Part], count: int, dimension: int) -> NDArray[np.float32]:
    """The vectors of all parts in the order of the texts, (count, dimension); raises the first error."""
    vectors = np.empty((count, dimension), dtype=np.float32)
    for part in parts:
        if part.error is not None:
            raise part.error
        vectors[part.places] = part.vectors
    return vectors
