from __future__ import annotations

import numpy as np
import pytest

from docpipe.embed.api import openai_embedder
from docpipe.embed.embedder import open_embedder
from docpipe.errors import ConfigurationError, EmbedderUnavailable
from tests.embed.api_settings import TEXTS, MakeSettings, api_settings, expected, server
from tests.embedding_server import EmbeddingServer
from tests.scripted_server import Reply, failure

__all__ = ["api_settings", "server"]


@pytest.mark.parametrize(
    "reply",
    [
        failure(429, "slow down", retry_after_ms="30"),
        failure(500, "oops"),
        failure(503),
        Reply(reset=True),
        Reply(body=b'{"data": []}', sent=5),
        Reply(body=b'{"data": ['),
        Reply(body=b"<html>a proxy</html>", headers={"Content-Type": "text/html"}),
        Reply(body=b'{"data": []}'),
        Reply(body=b"[" * 100_000),
    ],
    ids=["429", "500", "503", "reset", "cut short", "half of the JSON", "html", "no vectors", "deep"],
)
def test_trouble_that_passes_costs_a_retry(api_settings: MakeSettings, server: EmbeddingServer, reply: Reply) -> None:
    server.replies.extend([reply] * 2)
    np.testing.assert_allclose(open_embedder(api_settings()).embed(TEXTS), expected(TEXTS), atol=1e-6)
    assert len(server.asked) == 3


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (failure(429, "slow down"), "HTTP 429.*slow down"),
        (failure(500), "HTTP 500"),
        (Reply(reset=True), "did not answer"),
        (Reply(body=b'{"data": []}', sent=5), "did not answer"),
        (Reply(body=b"{"), "no list of vectors.*URL"),
        (Reply(body=b'{"error": {"message": "hm"}}'), "no list of vectors"),
        (Reply(body=b" " * 2_000_000), "more than .* bytes"),
    ],
    ids=["429", "500", "reset", "cut short", "half of the JSON", "an error in a 200", "endless"],
)
def test_trouble_that_stays_is_no_fault_of_the_texts(
    api_settings: MakeSettings, server: EmbeddingServer, reply: Reply, message: str
) -> None:
    server.always = reply
    with pytest.raises(EmbedderUnavailable, match=message) as raised:
        list(open_embedder(api_settings()).embed_parts(TEXTS))
    assert "secret-key" not in str(raised.value)
    assert len(server.asked) == 3, "not once for every text"


def test_a_storm_is_weathered_by_all_requests_together(
    api_settings: MakeSettings, server: EmbeddingServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openai_embedder, "REQUEST_TEXTS", 5)
    server.replies.extend([failure(429, retry_after_ms="200"), failure(500), failure(429, retry_after_ms="1"), Reply(reset=True)] * 3)
    vectors = open_embedder(api_settings(max_attempts=13)).embed(TEXTS)
    np.testing.assert_allclose(vectors, expected(TEXTS), atol=1e-6)
    assert sorted(set(server.texts)) == sorted(TEXTS)


def test_what_the_server_asks_one_request_concerns_the_others(
    api_settings: MakeSettings, server: EmbeddingServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openai_embedder, "REQUEST_TEXTS", 1)
    server.replies.append(failure(429, retry_after="1"))
    open_embedder(api_settings(embed_requests=1)).embed(TEXTS[:3])
    refused, *others = server.asked
    assert len(others) == 3
    assert min(asked.when for asked in others) >= refused.when + 1


def test_a_server_that_is_slow_or_away_may_come_back(api_settings: MakeSettings, server: EmbeddingServer) -> None:
    server.always = Reply(seconds=0.6)
    for settings in (api_settings(embed_seconds=0.2), api_settings(embed_url="http://me:hidden@127.0.0.1:9/v1")):
        with pytest.raises(EmbedderUnavailable, match="did not answer") as raised:
            open_embedder(settings).embed(["text"])
        assert "hidden" not in str(raised.value)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"embed_url": "api.example.org"}, "DOCPIPE_EMBED_URL is not an http"),
        ({"embed_url": "http://"}, "DOCPIPE_EMBED_URL is not an http"),
        ({"embed_key": "sk-one\nsk-two"}, "DOCPIPE_EMBED_KEY holds line breaks"),
        ({"embed_key": "sk-\u00fc"}, "DOCPIPE_EMBED_KEY holds line breaks or letters"),
    ],
    ids=["no scheme", "no host", "two lines", "umlaut"],
)
def test_settings_that_cannot_be_sent_say_so(api_settings: MakeSettings, overrides: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as raised:
        open_embedder(api_settings(**overrides))
    assert "sk-" not in str(raised.value)


def test_a_key_may_end_in_a_line_break(api_settings: MakeSettings, server: EmbeddingServer) -> None:
    open_embedder(api_settings(embed_key="secret-key\n")).embed(["text"])
    open_embedder(api_settings(embed_key="")).embed(["text"])
    assert [asked.key for asked in server.asked] == ["secret-key", "none"]
