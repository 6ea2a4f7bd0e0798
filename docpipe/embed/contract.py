"""The contract of an embedder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from docpipe.cost.usage import NO_USAGE, Usage
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
    usage: Usage = NO_USAGE
    """What was asked of a provider for these texts together."""
    on_gpu: bool = False
    """Made on a card of this machine."""
    error: DocpipeError | None = None
    """Why there are no vectors for these texts; others may have theirs."""

    def shares(self, lengths: Sequence[int]) -> list[Usage]:
        """Divide the usage among the texts by their lengths, so that the parts add up to the whole."""
        if not lengths:
            return []
        weights = np.array(lengths, dtype=np.float64) / sum(lengths)
        return [
            replace(self.usage, requests=self.usage.requests * weight, input_tokens=tokens, usd=self.usage.usd * weight)
            for weight, tokens in zip(weights.tolist(), _divided(self.usage.input_tokens, weights), strict=True)
        ]


def _divided(tokens: int, weights: NDArray[np.float64]) -> list[int]:
    ends = np.rint(np.minimum(np.cumsum(weights), 1.0) * tokens)
    ends[-1] = tokens
    divided: list[int] = np.diff(ends, prepend=0).astype(np.int64).tolist()
    return divided


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
