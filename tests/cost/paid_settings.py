"""Settings whose embedder is a server of the test that wants to be paid."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from docpipe.embed.embedder import close_embedders
from docpipe.settings import Settings
from tests.embedding_server import DIMENSION, EmbeddingServer, embedding_server

MakeSettings = Callable[..., Settings]

DOLLARS_A_TOKEN = 0.001
PRICES = "date: 2026-11-22\nproviders: {shop: {'*': {input: 1000, output: 1000}}}\n"


def paid(url: str, home: Path) -> dict[str, object]:
    """What the settings of a process need to be paid for its embeddings."""
    prices = home.parent / "prices.yaml"
    prices.write_text(PRICES)
    server = {"embedder": "openai:tiny", "embed_dimension": DIMENSION, "embed_url": url, "embed_key": "secret-key", "embed_seconds": 20}
    return server | {"embed_provider": "shop", "prices": str(prices), "home": home, "embed_cache_mb": 0, "_env_file": None}


@pytest.fixture
def server() -> Iterator[EmbeddingServer]:
    with embedding_server() as state:
        yield state


@pytest.fixture
def paid_settings(
    settings: MakeSettings, server: EmbeddingServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[MakeSettings]:
    """A token costs a tenth of a cent, and nothing is cached; pauses between attempts are short."""
    monkeypatch.setattr("docpipe.retry.LONGEST_PAUSE", 0.02)

    def make(**overrides: object) -> Settings:
        return settings(**(paid(server.url, tmp_path / "home") | overrides))

    yield make
    close_embedders()
