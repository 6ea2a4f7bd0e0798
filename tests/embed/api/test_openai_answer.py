from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from docpipe.embed.api.openai_answer import Answer, largest_answer, read_answer
from docpipe.embed.model import EmbeddingModel
from docpipe.errors import EmbedderUnavailable
from docpipe.openai_api import ApiModel

MODEL = EmbeddingModel("tiny", None, Path("none"), "aa", 64, 2, 2, "api")
API = ApiModel("the embedding model", "tiny", "http://host/v1", "NAME", "URL", "KEY", "leave", EmbedderUnavailable)


def read(*vectors: object, **others: object) -> Answer:
    data = [{"index": index, "embedding": vector} for index, vector in enumerate(vectors)]
    return read_answer(json.dumps({"data": data, **others}).encode(), len(vectors), MODEL, API)


def test_vectors_are_scaled_to_unit_length() -> None:
    answer = read([3.0, 4.0], [0.0, -1e-30], [1e30, 0.0], "AACAPwAAAAA=")
    np.testing.assert_allclose(answer.vectors, np.array([[0.6, 0.8], [0, -1], [1, 0], [1, 0]]), atol=1e-7)
    assert not answer.errors
    assert answer.vectors.dtype == np.float32


def test_what_has_no_direction_is_the_error_of_its_text() -> None:
    answer = read([1.0, 0.0], [0.0, 0.0], [float("inf"), 0.0], [None, 1.0])
    assert sorted(answer.errors) == [1, 2, 3]
    assert "zero" in str(answer.errors[1])
    np.testing.assert_allclose(answer.vectors[0], [1, 0])


@pytest.mark.parametrize(
    ("usage", "billed"),
    [
        ({"total_tokens": 7}, 7),
        ({"total_tokens": -7}, 0),
        ({"total_tokens": 10**400}, 0),
        ({"total_tokens": True}, 0),
        ({"total_tokens": "7"}, 0),
        ({}, 0),
        (None, 0),
        ([7], 0),
    ],
    ids=["said", "negative", "huge", "true", "text", "empty", "none", "a list"],
)
def test_what_is_billed_is_a_count_or_nothing(usage: object, billed: int) -> None:
    assert read([1.0, 0.0], usage=usage).billed_tokens == billed


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"null", b'{"data": null}', b'{"data": {"0": 1}}', b'{"data": [[]]}', b"\xff\xfe", b'{"data": [' + b"9" * 5_000],
    ids=["nothing", "a list", "null", "no data", "an object", "no fields", "no text", "a long number"],
)
def test_what_is_no_answer_is_said_to_be_none(body: bytes) -> None:
    with pytest.raises(EmbedderUnavailable, match=r"no list of vectors.*is its URL right\?"):
        read_answer(body, 1, MODEL, API)


def test_an_honest_answer_is_never_too_large() -> None:
    vector = [-0.12345678901234567e-100] * 1_536
    body = json.dumps({"data": [{"index": place, "object": "embedding", "embedding": vector} for place in range(20)]})
    assert len(body) < largest_answer(20, 1_536)
