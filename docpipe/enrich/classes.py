"""The class of a document: the label whose embedding is nearest to that of the document's beginning."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

BEGINNING_TOKENS = 200

LEAST_SIMILARITY = 0.25
LEAST_LEAD = 0.05
"""Chosen by eye, for MiniLM and the default labels, on the beginnings of some 60 public test files, few of which are
plainly of one class, and five texts written for it; nothing was held out. An invoice, a letter and a contract reached
0.33 to 0.45 and led by 0.14 or more; a row of numbers reached 0.28 but led by 0.04, and random letters 0.20. Errors
remain on both sides: an essay passes as a scientific paper (0.29), and a paper of astronomy gets no class (0.10).
Bare labels told the classes apart better than sentences ("This document is a …"), which lifted all labels alike."""


def opening(text: str, tokenizer: Tokenizer, window: int) -> str:
    """The first 200 tokens of a document's beginning, or as many as the model reads beside its special ones."""
    room = min(BEGINNING_TOKENS, window)
    # What a JSON text may hold and a tokenizer refuses: half a surrogate pair.
    text = text.encode("utf-8", "ignore").decode()
    while True:
        encoding = tokenizer.encode(text, add_special_tokens=False)
        if len(encoding.ids) <= room:
            return text
        # Cutting may change the tokens before the cut, so they are counted again; the text is shorter each time.
        text = text[: encoding.offsets[room][0]]


def choose(beginning: NDArray[np.float32], labels: NDArray[np.float32], names: Sequence[str]) -> tuple[str, dict[str, float]]:
    """The class (empty where no label is near enough, or two are) and the cosine similarity to each label, two decimals.

    `beginning` has shape (dimension,), `labels` (names, dimension); all are unit vectors.
    """
    similarities = [round(float(one), 2) for one in labels @ beginning]
    ranked = sorted(zip(similarities, names, strict=True), key=lambda pair: -pair[0])
    best, name = ranked[0]
    lead = best - ranked[1][0] if len(ranked) > 1 else best
    clear = best >= LEAST_SIMILARITY and round(lead, 2) >= LEAST_LEAD
    return name if clear else "", dict(zip(names, similarities, strict=True))
