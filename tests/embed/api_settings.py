"""Settings whose embedder is a server of the test, and what that answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from docpipe.embed.embedder import close_embedders
from docpipe.settings import Settings
from tests.embedding_server import DIMENSION, EmbeddingServer, embedding_server, vector_of

MakeSettings = Callable[..., Settings]

TEXTS = [f"text number {number}" for number in range(50)]


def expected(texts: list[str]) -> Any:
    return np.vstack([vector_of(text) for text in texts])


@pytest.fixture
def server() -> Iterator[EmbeddingServer]:
    with embedding_server() as state:
        yield state


@pytest.fixture
def api_settings(settings: MakeSettings, server: EmbeddingServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeSettings]:
    """Settings with the server as the embedder and without a cache; pauses between attempts are short."""
    monkeypatch.setattr("docpipe.retry.LONGEST_PAUSE", 0.02)

    def make(**overrides: object) -> Settings:
        chosen = {"embedder": "openai:tiny", "embed_dimension": DIMENSION, "embed_url": server.url, "embed_key": "secret-key"}
        return settings(**(chosen | {"embed_cache_mb": 0, "embed_seconds": 20} | overrides))

    yield make
    close_embedders()
