"""A query made fit for the model and the index."""

from __future__ import annotations

from dataclasses import dataclass

from docpipe.embed.model import EmbeddingModel
from docpipe.errors import QueryInvalid

LONGEST_CHARACTERS = 20_000
"""Looked at before tokens are counted; far more than any window holds."""


@dataclass(frozen=True, slots=True)
class Query:
    """What is looked for."""

    text: str
    """Fits the model's window, its prompt and special tokens included."""
    prompt: str
    cut: bool
    """Whether the end of what was asked had to go."""


def prepare(text: str, model: EmbeddingModel) -> Query:
    """Clean a query and cut it to the model's window; raises `QueryInvalid` for one without a visible character."""
    # A command line may hand over bytes that are no valid text, as lone surrogates.
    clean = text.encode(errors="replace").decode().replace("\0", " ").strip()
    if not clean:
        raise QueryInvalid("the query is empty: ask a question, or give words to look for")
    kept = clean[:LONGEST_CHARACTERS]
    tokenizer = model.tokenizer()
    room = max(1, model.window - model.special_tokens - len(tokenizer.encode(model.query_prompt, add_special_tokens=False).ids))
    while True:
        tokens = tokenizer.encode(kept, add_special_tokens=False)
        if len(tokens.ids) <= room:
            return Query(kept, model.query_prompt, len(kept) < len(clean))
        # A text cut within a word may have one token more than before, so it is counted again and always gets shorter.
        kept = kept[: min(tokens.offsets[room - 1][1], len(kept) - 1)]
