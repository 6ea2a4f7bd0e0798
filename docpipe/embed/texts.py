"""What every backend refuses to embed, in the same words."""

from __future__ import annotations

from docpipe.embed.model import EmbeddingModel
from docpipe.errors import EmbeddingInvalid


def utf8(text: str) -> bytes:
    """Encode a text; raises `EmbeddingInvalid` for one that is not valid Unicode."""
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise EmbeddingInvalid(f"a text is not valid Unicode ({error.reason}): parse the document again") from error


def check_window(tokens: int, model: EmbeddingModel) -> None:
    """Raise `EmbeddingInvalid` for a text of more tokens than the model reads: nothing is cut silently."""
    if tokens > model.window:
        raise EmbeddingInvalid(f"a text has {tokens} tokens and {model.name} reads {model.window}: make the chunks again for this model")
