"""A model in this process, asked for a slice of the texts at a time."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from docpipe.embed.contract import Embedder, Part
from docpipe.embed.model import EmbeddingModel
from docpipe.errors import EmbeddingInvalid, TransientError

FIRST_TEXTS = 256
MOST_TEXTS = 4_096
SLICE_SECONDS = 5.0
"""Slices grow until one takes about so long: documents are done slice by slice, but a fast device wants many texts at once."""
_PROBE = "a"


class SlicedEmbedder:
    """Embeds slice by slice; where a slice fails, the texts at fault are found by halving."""

    def __init__(self, embedder: Embedder, on_gpu: bool = False) -> None:
        self._embedder = embedder
        self._on_gpu = on_gpu

    @property
    def model(self) -> EmbeddingModel:
        return self._embedder.model

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return self._embedder.embed(texts)

    def embed_parts(self, texts: Sequence[str]) -> Iterator[Part]:
        start, size = 0, FIRST_TEXTS
        while start < len(texts):
            began = time.perf_counter()
            parts = self._attempt(texts, range(start, min(start + size, len(texts))))
            start += size
            if time.perf_counter() - began < SLICE_SECONDS / 2:
                size = min(2 * size, MOST_TEXTS)
            yield from parts

    def _attempt(self, texts: Sequence[str], places: range, works: bool = False) -> list[Part]:
        """`works`: whether the device is known to embed other texts."""
        try:
            return [Part(places, self._embedder.embed([texts[place] for place in places]), on_gpu=self._on_gpu)]
        except (EmbeddingInvalid, TransientError) as error:
            if isinstance(error, TransientError) and not works:
                # A device that fails on this too is gone: halving would ask it for every text in vain.
                self._embedder.embed([_PROBE])
            if len(places) == 1:
                return [Part(places, np.empty((0, self.model.dimension), dtype=np.float32), error=error)]
            middle = len(places) // 2
            return self._attempt(texts, places[:middle], works=True) + self._attempt(texts, places[middle:], works=True)
