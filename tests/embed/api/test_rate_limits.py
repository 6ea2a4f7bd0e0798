from __future__ import annotations

from pathlib import Path

import pytest

from docpipe.embed.api.rate_limits import RateLimits, open_rate_limits
from docpipe.embed.embedder import close_embedders, open_embedder
from docpipe.embed.model import find_model
from docpipe.ledger import Ledger
from tests.embed.api_settings import MakeSettings, api_settings, server
from tests.embedding_server import EmbeddingServer, tokens_of

__all__ = ["api_settings", "server"]


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger.open(f"sqlite:///{tmp_path / 'ledger.sqlite'}")


def test_without_a_limit_no_ledger_is_opened(api_settings: MakeSettings) -> None:
    settings = api_settings()
    assert open_rate_limits(settings, find_model(settings)) is None
    open_embedder(settings).embed(["text"])
    assert not (settings.home / "ledger.sqlite").exists()


def test_the_tighter_limit_decides(ledger: Ledger) -> None:
    limits = RateLimits(ledger, "api", requests_per_minute=60, tokens_per_minute=600)
    assert limits.take(100) == 0
    assert 10 < limits.take(300) <= 30
    limits.close()


def test_what_was_estimated_too_high_is_given_back(ledger: Ledger) -> None:
    limits = RateLimits(ledger, "api", requests_per_minute=0, tokens_per_minute=600)
    limits.take(5_000)
    limits.settle(5_000, 10)
    assert limits.take(50) == 0
    limits.close()


def test_workers_share_what_one_provider_allows(api_settings: MakeSettings) -> None:
    settings = api_settings(embed_requests_per_minute=6)
    model = find_model(settings)
    one, other = open_rate_limits(settings, model), open_rate_limits(settings, model)
    assert one is not None
    assert other is not None
    assert one.take(1) == 0
    assert 5 < other.take(1) <= 10
    one.close()
    other.close()


def test_requests_wait_for_their_turn(api_settings: MakeSettings, server: EmbeddingServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RateLimits, "take", lambda limits, tokens: 0.3)
    embedder = open_embedder(api_settings(embed_requests_per_minute=60))
    for text in ("one", "two"):
        embedder.embed([text])
    first, second = server.asked
    assert second.when >= first.when + 0.3


def test_requests_are_small_enough_for_the_limit(api_settings: MakeSettings, server: EmbeddingServer) -> None:
    texts = [f"{'word ' * 300}{number}" for number in range(30)]
    open_embedder(api_settings(embed_tokens_per_minute=10_000_000, embed_requests=256)).embed(texts)
    # 1,500 bytes count as 500 tokens each, and the window is what a request may always have.
    assert max(len(asked.texts) for asked in server.asked) == 16
    assert tokens_of(server.texts) == tokens_of(texts)


def test_closing_lets_go_of_the_ledger(api_settings: MakeSettings) -> None:
    settings = api_settings(embed_requests_per_minute=600)
    first = open_embedder(settings)
    assert open_embedder(settings) is first
    close_embedders()
    assert open_embedder(settings) is not first
    assert open_embedder(settings).embed(["text"]).shape == (1, 16)
