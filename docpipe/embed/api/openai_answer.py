"""What an OpenAI-compatible server answers, taken for a lie until it is checked."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from docpipe.cost.usage import NO_USAGE, Usage
from docpipe.embed.model import EmbeddingModel
from docpipe.errors import ConfigurationError, EmbeddingInvalid
from docpipe.openai_api import ApiModel

_NUMBER_BYTES = 32
"""A number written out, at most: base64 takes 6."""
_FRAME_BYTES = 1_024
"""Around one vector."""
_MOST_BILLED = 10**9
"""Tokens of one request; more is no count."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Vectors of one request."""

    vectors: NDArray[np.float32]
    """(texts, dimension), unit length; the rows of errors mean nothing."""
    errors: Mapping[int, EmbeddingInvalid]
    billed_tokens: int
    """0 where the server does not say."""
    usage: Usage = NO_USAGE
    """With what attempts before this one may have cost that never came back."""


def largest_answer(texts: int, dimension: int) -> int:
    """Bytes beyond which no answer is read."""
    return (texts + 1) * (dimension * _NUMBER_BYTES + _FRAME_BYTES)


def read_answer(body: bytes, texts: int, model: EmbeddingModel, api: ApiModel) -> Answer:
    """Read and check the answer to a request with so many texts.

    Raises `EmbedderUnavailable` for what is no whole list of vectors, `ConfigurationError` where all have another dimension.
    A vector that is not finite or zero is the error of its text alone.
    """
    try:
        fields: Any = json.loads(body)
        items: Any = fields["data"]
        places = [item["index"] for item in items]
        numbers = [_numbers(item["embedding"]) for item in items]
    except (ValueError, KeyError, TypeError, RecursionError, OverflowError) as error:
        raise api.nonsense(f"what is no list of vectors ({type(error).__name__}): is its URL right?") from error
    if len(numbers) != texts:
        raise api.nonsense(f"{len(numbers)} vectors for {texts} texts")
    if any(type(place) is not int for place in places) or sorted(places) != list(range(texts)):
        raise api.nonsense("vectors whose numbers are not those of the texts")
    _check_dimension(numbers, model, api)
    vectors = np.empty((texts, model.dimension), dtype=np.float32)
    vectors[places] = np.stack(numbers)
    return _checked(vectors, _billed(fields), api)


def _numbers(embedding: object) -> NDArray[np.float32]:
    if isinstance(embedding, str):
        try:
            return np.frombuffer(base64.b64decode(embedding, validate=True), dtype="<f4")
        except binascii.Error as error:
            raise ValueError(str(error)) from error
    # Servers that do not know base64 write the numbers out; one that is too large for a float becomes infinite.
    with np.errstate(over="ignore"):
        numbers = np.array(embedding, dtype=np.float32)
    if numbers.ndim != 1:
        raise ValueError("not a vector")
    return numbers


def _check_dimension(numbers: Sequence[NDArray[np.float32]], model: EmbeddingModel, api: ApiModel) -> None:
    found = {len(one) for one in numbers}
    if found == {model.dimension}:
        return
    if len(found) == 1:
        raise ConfigurationError(
            f"the vectors of {api.name} at {api.url} have {found.pop()} numbers instead of {model.dimension}: "
            "set DOCPIPE_EMBED_DIMENSION to what the model has or can be shortened to"
        )
    raise api.nonsense(f"vectors of {len(found)} different dimensions")


def _checked(vectors: NDArray[np.float32], billed_tokens: int, api: ApiModel) -> Answer:
    # The squares of numbers that fit a float need not.
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1)
    errors: dict[int, EmbeddingInvalid] = {}
    for place in np.flatnonzero(~np.isfinite(lengths) | (lengths == 0)):
        what = "zero and has no direction" if lengths[place] == 0 else "not finite"
        errors[int(place)] = EmbeddingInvalid(
            f"a vector of {api.name} at {api.url} is {what}: embed the document again, or ask its provider"
        )
    with np.errstate(divide="ignore", invalid="ignore"):
        return Answer((vectors / lengths[:, np.newaxis]).astype(np.float32), errors, billed_tokens)


def _billed(fields: Mapping[str, Any]) -> int:
    usage = fields.get("usage")
    tokens = usage.get("total_tokens") if isinstance(usage, dict) else None
    return tokens if type(tokens) is int and 0 < tokens <= _MOST_BILLED else 0
