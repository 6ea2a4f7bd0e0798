"""What the embedding benchmarks embed, and how much arithmetic it is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.vocabulary import vocabularies
from docpipe.embed.model import EmbeddingModel

SHORTEST, LONGEST = 90, 254
"""Tokens of a chunk, special ones apart: as our chunker makes them of prose, 172 on average."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The sizes of an encoder that decide its arithmetic."""

    hidden: int
    intermediate: int
    layers: int

    @property
    def matrices(self) -> tuple[tuple[int, int], ...]:
        """(inputs, outputs) of every multiplication by weights in one layer."""
        hidden, wide = self.hidden, self.intermediate
        return (*((hidden, hidden),) * 4, (hidden, wide), (wide, hidden))

    def gflop(self, lengths: Sequence[int]) -> float:
        """Multiplications and additions of the matrices and of attention for texts of these tokens; padding is no work."""
        tokens, squares = sum(lengths), sum(length**2 for length in lengths)
        weights = sum(inputs * outputs for inputs, outputs in self.matrices)
        return self.layers * (2 * tokens * weights + 4 * squares * self.hidden) / 1e9


def shape_of(model: EmbeddingModel) -> Shape:
    """Read the sizes from the model's folder."""
    assert model.folder is not None
    config = json.loads((model.folder / "config.json").read_text())
    return Shape(config["hidden_size"], config["intermediate_size"], config["num_hidden_layers"])


def make_texts(count: int, model: EmbeddingModel) -> tuple[list[str], list[int]]:
    """Generate chunks, shortest first, with their tokens as the model counts them, special ones included."""
    random = np.random.default_rng(0)
    topics = vocabularies(seed=0)
    tokenizer = model.tokenizer()
    made = []
    for number in range(count):
        words = " ".join(topics[number % len(topics)].draw(random, LONGEST))
        ends = tokenizer.encode(words, add_special_tokens=False).offsets
        text = words[: ends[int(random.integers(SHORTEST, LONGEST + 1)) - 1][1]]
        # A word that was cut may have more tokens than it had.
        while (tokens := len(tokenizer.encode(text).ids)) > LONGEST + model.special_tokens:
            text = text[: text.rindex(" ")]
        made.append((tokens, text))
    made.sort()
    return [text for _, text in made], [tokens for tokens, _ in made]
