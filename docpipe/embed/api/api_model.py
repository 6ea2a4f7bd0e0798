"""What is known about a model behind an OpenAI-compatible API: its name, its dimension, and how its tokens are counted."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from tokenizers import Tokenizer

from docpipe.embed.model import API, MINILM, EmbeddingModel, api_name, find_model
from docpipe.errors import ConfigurationError, ModelMissing
from docpipe.settings import Settings

DIMENSIONS: Mapping[str, int] = {"text-embedding-3-small": 1_536, "text-embedding-3-large": 3_072, "text-embedding-ada-002": 1_536}
"""Of OpenAI's models, as their API reference lists them."""
WINDOW = 8_191
"""Tokens of one input, of all of OpenAI's models."""

_WHOLE = "text-embedding-ada-002"
"""Was not trained for shorter vectors."""


def find_api_model(settings: Settings) -> EmbeddingModel:
    """Describe the model that `settings.embedder` names behind its prefix; asks no server.

    Its sha256 covers the name, the dimension and the passage prompt. The provider may change a model behind its name;
    nobody outside can tell. Raises `ConfigurationError` where the name or the dimension is missing or impossible, `ModelMissing`
    where the tokenizer cannot be read.
    """
    name = api_name(settings)
    if not name:
        raise ConfigurationError(f"DOCPIPE_EMBEDDER={settings.embedder} names no model: write {API}text-embedding-3-small, for example")
    dimension = _dimension(name, settings.embed_dimension)
    query_prompt, passage_prompt = settings.embed_query_prompt or "", settings.embed_passage_prompt or ""
    decides = ["openai", name, dimension, *([passage_prompt] if passage_prompt else [])]
    path = Path(settings.embed_tokenizer).expanduser().resolve() if settings.embed_tokenizer else _minilm_tokenizer(settings)
    return EmbeddingModel(
        name=name,
        folder=None,
        tokenizer_file=path,
        sha256=hashlib.sha256(json.dumps(decides).encode()).hexdigest(),
        window=settings.embed_window or WINDOW,
        special_tokens=_special_tokens(path),
        dimension=dimension,
        pooling="api",
        query_prompt=query_prompt,
        passage_prompt=passage_prompt,
    )


def sent_dimension(settings: Settings, model: EmbeddingModel) -> int | None:
    """The `dimensions` to ask the API for; None for the model's own."""
    return model.dimension if settings.embed_dimension and DIMENSIONS.get(model.name) != model.dimension else None


def _dimension(name: str, wanted: int) -> int:
    known = DIMENSIONS.get(name)
    if known is None and not wanted:
        raise ConfigurationError(f"the dimension of {name} is not known: set DOCPIPE_EMBED_DIMENSION to the length of its vectors")
    if known is not None and (wanted > known or (name == _WHOLE and wanted not in (0, known))):
        shorter = "cannot be shortened" if name == _WHOLE else "can only be shortened"
        raise ConfigurationError(
            f"DOCPIPE_EMBED_DIMENSION={wanted}, but the vectors of {name} have {known} numbers and {shorter}: unset it"
        )
    return wanted or known or 0


def _minilm_tokenizer(settings: Settings) -> Path:
    # The overrides are those of the API's model.
    own = {"embed_dimension": 0, "embed_window": 0, "embed_pooling": "", "embed_query_prompt": None, "embed_passage_prompt": None}
    return find_model(settings.model_copy(update={"embedder": MINILM} | own)).tokenizer_file


def _special_tokens(path: Path) -> int:
    try:
        return _count_special_tokens(path, path.stat().st_mtime_ns)
    except OSError as error:
        raise ModelMissing(f"DOCPIPE_EMBED_TOKENIZER={path} cannot be read ({error.strerror}): name a tokenizer.json") from error


@lru_cache(maxsize=8)
def _count_special_tokens(path: Path, _modified: int) -> int:
    try:
        return int(Tokenizer.from_file(str(path)).num_special_tokens_to_add(is_pair=False))
    except Exception as error:  # the library raises bare Exception
        raise ModelMissing(f"DOCPIPE_EMBED_TOKENIZER={path} is not a tokenizer ({error}): name a tokenizer.json") from error
