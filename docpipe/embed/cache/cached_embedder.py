"""An embedder that looks up what was embedded before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from docpipe.embed.cache.embedding_cache import AT_ONCE, EmbeddingCache, cache_key
from docpipe.embed.contract import BatchEmbedder, Part, joined
from docpipe.embed.model import EmbeddingModel


class CachedEmbedder:
    """Asks the cache first and the embedder for the rest, and keeps what that makes."""

    def __init__(self, embedder: BatchEmbedder, cache: EmbeddingCache) -> None:
        self._embedder = embedder
        self._cache = cache

    @property
    def model(self) -> EmbeddingModel:
        return self._embedder.model

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return joined(self.embed_parts(texts), len(texts), self.model.dimension)

    def embed_parts(self, texts: Sequence[str]) -> Iterator[Part]:
        keys = [cache_key(self.model, text) for text in texts]
        missing: list[int] = []
        for start in range(0, len(texts), AT_ONCE):
            vectors, found = self._cache.find(keys[start : start + AT_ONCE], self.model.dimension)
            if found.any():
                yield Part([start + int(place) for place in np.flatnonzero(found)], vectors[found], cached=True)
            missing += [start + int(place) for place in np.flatnonzero(~found)]
        for part in self._embedder.embed_parts([texts[place] for place in missing]) if missing else ():
            places = [missing[place] for place in part.places]
            vectors = part.vectors
            if part.error is None:
                vectors = self._cache.keep([keys[place] for place in places], vectors)
            yield replace(part, places=places, vectors=vectors)
