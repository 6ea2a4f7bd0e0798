"""A server on this machine that speaks OpenAI's embeddings, with its limits, and can fail and lie."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.scripted_server import Reply, ScriptedServer, failure, serve

DIMENSION = 16


@dataclass(frozen=True)
class Asked:
    """One request as it came."""

    path: str
    key: str
    model: str
    texts: Sequence[str]
    dimensions: int | None
    encoding: str | None
    when: float
    """Seconds, to be compared."""


@dataclass
class EmbeddingServer(ScriptedServer):
    """What a test sees of the server."""

    asked: list[Asked] = field(default_factory=list)
    most_texts: int = 2_048
    poison: str = "\0"
    """A text that holds this is refused."""
    shortens: bool = True
    """Whether it knows `dimensions`."""
    change: Callable[[dict[str, Any]], Any] = lambda fields: fields
    """What it does to the fields of its answer before they are sent."""

    @property
    def texts(self) -> list[str]:
        return [text for asked in self.asked for text in asked.texts]


def vector_of(text: str, dimension: int = DIMENSION) -> NDArray[np.float32]:
    """The server's vector of a text, of unit length."""
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
    vector = np.random.default_rng(seed).standard_normal(dimension).astype(np.float32)
    return np.asarray(vector / np.linalg.norm(vector), dtype=np.float32)


def tokens_of(texts: Sequence[str]) -> int:
    """What the server bills."""
    return sum(len(text.split()) for text in texts)


@contextlib.contextmanager
def embedding_server() -> Iterator[EmbeddingServer]:
    """Serve on a free port until the end of the context."""
    state = EmbeddingServer()

    def answer(path: str, key: str, body: Mapping[str, Any]) -> Callable[[], Reply]:
        asked = Asked(path, key, body["model"], body["input"], body.get("dimensions"), body.get("encoding_format"), time.monotonic())
        state.asked.append(asked)
        return lambda: _answer(state, asked)

    with serve(state, answer):
        yield state


def _answer(state: EmbeddingServer, asked: Asked) -> Reply:
    if len(asked.texts) > state.most_texts:
        return failure(400, f"too many inputs: at most {state.most_texts}")
    if asked.dimensions is not None and not state.shortens:
        return failure(400, "this model does not support dimensions")
    if any(not text or state.poison in text for text in asked.texts):
        return failure(400, "an input is not acceptable")
    made = [base64.b64encode(vector_of(text, asked.dimensions or DIMENSION).tobytes()).decode() for text in asked.texts]
    data = [{"object": "embedding", "index": index, "embedding": vector} for index, vector in enumerate(made)]
    tokens = tokens_of(asked.texts)
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return Reply(body=json.dumps(state.change({"object": "list", "model": asked.model, "data": data, "usage": usage})).encode())
