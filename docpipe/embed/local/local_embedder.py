"""An embedder that runs a model in this process."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from docpipe.embed.local.ahead import ahead
from docpipe.embed.local.batching import padded, token_batches
from docpipe.embed.local.encoder import Batch, Encoder
from docpipe.embed.model import EmbeddingModel
from docpipe.embed.texts import check_window, utf8
from docpipe.embed.vectors import shortened, unit_vectors

_TOKENIZED_AT_ONCE = 1_024
"""Texts; an encoding takes about 20 kB until its ids are taken out of it."""
_BATCHES_AHEAD = 2


class LocalEmbedder:
    """Tokenizes, cuts batches by tokens, and hands them to the encoder; safe for threads.

    The next texts are tokenized while the encoder works on those before.
    """

    def __init__(self, model: EmbeddingModel, encoder: Encoder, batch_tokens: int = 0) -> None:
        """`batch_tokens` bounds a batch, padding counted; 0: what suits the encoder."""
        self.model = model
        self.encoder = encoder
        self._batch_tokens = batch_tokens or encoder.batch_tokens

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        vectors = np.empty((len(texts), self.model.dimension), dtype=np.float32)
        places: deque[Sequence[int]] = deque()

        def batches() -> Iterator[Batch]:
            for indices, batch in ahead(self._batches(texts), _BATCHES_AHEAD):
                places.append(indices)
                yield batch

        for made in self.encoder.encode(batches()):
            indices = places.popleft()
            vectors[indices] = self._checked(made, len(indices))
        return vectors

    def _checked(self, made: NDArray[np.float32], count: int) -> NDArray[np.float32]:
        return shortened(unit_vectors(made, count, self.model.network_dimension or self.model.dimension), self.model.dimension)

    def _batches(self, texts: Sequence[str]) -> Iterator[tuple[Sequence[int], Batch]]:
        # Characters tell the order well enough to tokenize part by part.
        order = sorted(range(len(texts)), key=lambda index: -len(texts[index]))
        for start in range(0, len(order), _TOKENIZED_AT_ONCE):
            part = order[start : start + _TOKENIZED_AT_ONCE]
            ids = list(self._token_ids([texts[index] for index in part]))
            for chosen in token_batches([len(one) for one in ids], self._batch_tokens):
                yield [part[place] for place in chosen], padded([ids[place] for place in chosen])

    def _token_ids(self, texts: Sequence[str]) -> Iterator[NDArray[np.int32]]:
        for text in texts:
            utf8(text)
        for encoding in self.model.tokenizer().encode_batch_fast(texts):
            ids = np.array(encoding.ids, dtype=np.int32)
            check_window(len(ids), self.model)
            yield ids
