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


def cleaned(text: str) -> str:
    """Make a query valid text; raises `QueryInvalid` for one without a visible character."""
    # A command line may hand over bytes that are no valid text, as lone surrogates.
    clean = text.encode(errors="replace").decode().replace("\0", " ").strip()
    if not clean:
        raise QueryInvalid("the query is empty: ask a question, or give words to look for")
    return clean


def prepare(text: str, model: EmbeddingModel) -> Query:
    """Clean a query and cut it to the model's window; raises `QueryInvalid` for one without a visible character."""
    clean = cleaned(text)
    kept = clean[:LONGEST_CHARACTERS]
    tokenizer, prompt = model.tokenizer(), model.query_prompt
    room = model.window - model.special_tokens
    while True:
        # Counted together: behind a prompt a text may have other tokens than alone.
        tokens = tokenizer.encode(prompt + kept, add_special_tokens=False)
        if len(tokens.ids) <= room or not kept:
            return Query(kept, prompt, len(kept) < len(clean))
        # A text cut within a word may have one token more than before, so it is counted again and always gets shorter.
        kept = kept[: max(0, min(tokens.offsets[room - 1][1] - len(prompt), len(kept) - 1))]
