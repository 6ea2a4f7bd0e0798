from __future__ import annotations

import numpy as np
import pytest

from docpipe.embed.embedder import close_embedders, open_embedder
from docpipe.errors import EmbedderUnavailable, EmbeddingInvalid
from tests.embed.api_settings import MakeSettings, api_settings, server
from tests.embedding_server import EmbeddingServer, vector_of
from tests.scripted_server import failure

__all__ = ["api_settings", "server"]


def test_nothing_is_asked_for_twice(api_settings: MakeSettings, server: EmbeddingServer) -> None:
    settings = api_settings(embed_cache_mb=10)
    texts = [f"text {number}" for number in range(30)]
    open_embedder(settings).embed(texts[10:20])
    parts = list(open_embedder(settings).embed_parts(texts))
    assert sorted(server.texts) == sorted(texts)
    assert sorted(place for part in parts if part.cached for place in part.places) == list(range(10, 20))
    close_embedders()
    again = open_embedder(settings).embed(texts[::-1])
    assert len(server.texts) == 30
    np.testing.assert_allclose(again, np.vstack([vector_of(text) for text in texts[::-1]]), atol=1e-3)


def test_a_vector_is_the_same_whether_it_was_made_or_found(api_settings: MakeSettings) -> None:
    embedder = open_embedder(api_settings(embed_cache_mb=1))
    texts = ["first", "second", "third"]
    made = embedder.embed(texts)
    assert np.array_equal(embedder.embed(texts), made)
    assert np.array_equal(embedder.embed(["second"])[0], made[1])


def test_another_dimension_is_another_vector(api_settings: MakeSettings, server: EmbeddingServer) -> None:
    open_embedder(api_settings(embed_cache_mb=10)).embed(["text"])
    assert open_embedder(api_settings(embed_cache_mb=10, embed_dimension=8)).embed(["text"]).shape == (1, 8)
    assert len(server.asked) == 2


def test_failed_texts_are_not_kept(api_settings: MakeSettings, server: EmbeddingServer) -> None:
    settings = api_settings(embed_cache_mb=10)
    server.poison = "poison"
    parts = list(open_embedder(settings).embed_parts(["fine", "poison", "half \ud83d", ""]))
    assert sorted(place for part in parts if part.error for place in part.places) == [1, 2, 3]
    server.asked.clear()
    with pytest.raises(EmbeddingInvalid):
        open_embedder(settings).embed(["fine", "poison"])
    assert server.texts[0] == "poison"


def test_what_was_paid_for_is_kept_when_the_server_goes_away(
    api_settings: MakeSettings, server: EmbeddingServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("docpipe.embed.api.openai_embedder.REQUEST_TEXTS", 1)
    settings = api_settings(embed_cache_mb=10, embed_requests=1, max_attempts=1)
    embedder = open_embedder(settings)
    embedder.embed(["one"])
    server.always = failure(503)
    parts = embedder.embed_parts(["one", "two"])
    assert list(next(parts).places) == [0]
    with pytest.raises(EmbedderUnavailable):
        next(parts)
