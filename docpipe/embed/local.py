"""An embedder that runs a model in this process."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from docpipe.embed.batching import token_batches
from docpipe.embed.encoder import Encoder
from docpipe.embed.model import EmbeddingModel
from docpipe.embed.vectors import unit_vectors
from docpipe.errors import EmbeddingInvalid

_TOKENIZED_AT_ONCE = 512
"""Texts; an encoding takes about 20 kB until its ids are taken out of it."""


class LocalEmbedder:
    """Tokenizes, cuts batches by tokens, and hands them to the encoder one at a time; safe for threads."""

    def __init__(self, model: EmbeddingModel, encoder: Encoder, batch_tokens: int) -> None:
        self.model = model
        self.encoder = encoder
        self._batch_tokens = batch_tokens
        self._turn = threading.Lock()

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        ids = list(self._token_ids(texts))
        vectors = np.empty((len(texts), self.model.dimension), dtype=np.float32)
        for indices in token_batches([len(one) for one in ids], self._batch_tokens):
            padded = np.zeros((len(indices), len(ids[indices[0]])), dtype=np.int64)
            mask = np.zeros_like(padded)
            for row, index in enumerate(indices):
                padded[row, : len(ids[index])] = ids[index]
                mask[row, : len(ids[index])] = 1
            with self._turn:
                made = self.encoder.encode(padded, mask)
            vectors[indices] = unit_vectors(made, len(indices), self.model.dimension)
        return vectors

    def _token_ids(self, texts: Sequence[str]) -> Iterator[NDArray[np.int32]]:
        tokenizer = self.model.tokenizer()
        for start in range(0, len(texts), _TOKENIZED_AT_ONCE):
            part = [_encodable(text) for text in texts[start : start + _TOKENIZED_AT_ONCE]]
            for encoding in tokenizer.encode_batch_fast(part):
                ids = np.array(encoding.ids, dtype=np.int32)
                if len(ids) > self.model.window:
                    name, window = self.model.name, self.model.window
                    raise EmbeddingInvalid(f"a text has {len(ids)} tokens and {name} reads {window}: make the chunks again for this model")
                yield ids


def _encodable(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise EmbeddingInvalid(f"a text is not valid Unicode ({error.reason}): parse the document again") from error
    return text
