from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import wait as futures_wait
from datetime import UTC, datetime
from traceback import format_exception
from typing import Any

import numpy as np
import pytest

from docpipe.embed.api import openai_embedder
from docpipe.embed.api.openai_answer import Answer
from docpipe.embed.api.openai_requests import OpenAIRequests
from docpipe.embed.contract import Part
from docpipe.embed.embedder import open_embedder
from docpipe.errors import BudgetSpent, ConfigurationError, DocpipeError, EmbedderUnavailable, EmbeddingInvalid
from tests.embed.api_settings import TEXTS, MakeSettings, api_settings, expected, server
from tests.embedding_server import DIMENSION, EmbeddingServer, tokens_of, vector_of
from tests.scripted_server import Reply, failure

__all__ = ["api_settings", "server"]


def by_place(parts: list[Part]) -> dict[int, Part]:
    found = {place: part for part in parts for place in part.places}
    assert len(found) == sum(len(part.places) for part in parts)
    return found


def test_every_text_gets_its_vector(api_settings: MakeSettings, server: EmbeddingServer) -> None:
    vectors = open_embedder(api_settings()).embed(TEXTS)
    np.testing.assert_allclose(vectors, expected(TEXTS), atol=1e-6)
    (asked,) = server.asked
    assert (asked.path, asked.key, asked.model) == ("/v1/embeddings", "secret-key", "tiny")
    assert (asked.dimensions, asked.encoding) == (DIMENSION, "base64")
    assert open_embedder(api_settings()).embed([]).shape == (0, DIMENSION)


def test_requests_stay_within_the_limits_of_the_api(
    api_settings: MakeSettings, server: EmbeddingServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = [f"{number}" for number in range(4_100)]
    parts = list(open_embedder(api_settings()).embed_parts(texts))
    assert sorted(len(asked.texts) for asked in server.asked) == [4, 2_048, 2_048]
    np.testing.assert_allclose(by_place(parts)[4_099].vectors[-1], vector_of("4099"), atol=1e-6)
    server.asked.clear()
    monkeypatch.setattr(openai_embedder, "REQUEST_TOKENS", 100)
    long = [f"{'word ' * 20}{number}" for number in range(10)]
    np.testing.assert_allclose(open_embedder(api_settings(embed_requests=2)).embed(long), expected(long), atol=1e-6)
    # 34 tokens each by the estimate of three bytes a token.
    assert {len(asked.texts) for asked in server.asked} == {2}


def test_answers_stay_small_whatever_the_dimension(api_settings: MakeSettings, server: EmbeddingServer) -> None:
    texts = [f"{number}" for number in range(1_100)]
    open_embedder(api_settings(embed_dimension=3_072)).embed(texts)
    assert sorted(len(asked.texts) for asked in server.asked) == [76, 1_024]


def test_several_requests_are_under_way_up_to_the_limit(
    api_settings: MakeSettings, server: EmbeddingServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openai_embedder, "REQUEST_TEXTS", 2)
    server.seconds = 0.1
    vectors = open_embedder(api_settings(embed_requests=3)).embed(TEXTS[:24])
    np.testing.assert_allclose(vectors, expected(TEXTS[:24]), atol=1e-6)
    assert (len(server.asked), server.most_at_once) == (12, 3)


def test_what_is_billed_is_counted(api_settings: MakeSettings, server: EmbeddingServer) -> None:
    parts = list(open_embedder(api_settings()).embed_parts(TEXTS))
    assert sum(part.usage.tokens for part in parts) == tokens_of(TEXTS)


@pytest.mark.parametrize("told", [None, {}, {"total_tokens": -7}, {"total_tokens": 0}, {"total_tokens": 10**8}, {"total_tokens": "many"}])
def test_what_the_server_does_not_say_or_cannot_mean_is_guessed(api_settings: MakeSettings, server: EmbeddingServer, told: object) -> None:
    server.change = lambda fields: fields | {"usage": told}
    parts = list(open_embedder(api_settings()).embed_parts(TEXTS))
    guessed = sum(-(-len(text.encode()) // openai_embedder.BYTES_PER_TOKEN) for text in TEXTS)
    assert sum(part.usage.tokens for part in parts) == guessed


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (failure(401, "wrong key secret-key"), "DOCPIPE_EMBED_KEY"),
        (failure(403), "DOCPIPE_EMBED_KEY"),
        (failure(404), "no model 'tiny'.*DOCPIPE_EMBEDDER"),
        (failure(429, "pay", code="insufficient_quota"), "credit"),
        (failure(400, "what? Bearer secret-key"), "what.*hidden.*whatever the text"),
        (failure(429, "Request too large for tiny: Limit 5, Requested 9"), "whatever the text"),
    ],
    ids=["401", "403", "404", "quota", "400", "too large"],
)
def test_what_no_text_could_mend_is_a_matter_of_settings(
    api_settings: MakeSettings, server: EmbeddingServer, reply: Reply, message: str
) -> None:
    server.always = reply
    with pytest.raises(ConfigurationError, match=message) as raised:
        open_embedder(api_settings()).embed(TEXTS)
    # Dagster and the ledger keep all of it.
    assert "secret-key" not in "".join(format_exception(raised.value))
    assert len(server.asked) <= 3, "not once for every text"


def test_a_refusal_that_nobody_can_pay_to_look_into_concerns_its_texts_alone(
    api_settings: MakeSettings, server: EmbeddingServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = OpenAIRequests.embed

    async def poor(requests: OpenAIRequests, texts: Sequence[str], tokens: int, dimensions: int | None) -> Answer:
        if len(texts) < len(TEXTS):
            raise BudgetSpent("none left", datetime(2026, 11, 23, tzinfo=UTC))
        return await sent(requests, texts, tokens, dimensions)

    monkeypatch.setattr(OpenAIRequests, "embed", poor)
    server.always = failure(400, "no")
    parts = by_place(list(open_embedder(api_settings()).embed_parts(TEXTS)))
    assert {type(part.error) for part in parts.values()} == {BudgetSpent}


def test_one_bad_text_is_found_by_asking_for_fewer(api_settings: MakeSettings, server: EmbeddingServer) -> None:
    server.poison = "poison"
    texts = [*TEXTS[:20], "some poison", *TEXTS[20:]]
    found = by_place(list(open_embedder(api_settings()).embed_parts(texts)))
    assert [place for place, part in found.items() if part.error] == [20]
    assert isinstance(found[20].error, EmbeddingInvalid)
    assert "not acceptable" in str(found[20].error)
    assert len(found) == 51
    assert len(server.asked) < 16
    with pytest.raises(EmbeddingInvalid):
        open_embedder(api_settings()).embed(texts)


def test_a_server_that_takes_less_at_once_is_learnt(api_settings: MakeSettings, server: EmbeddingServer) -> None:
    server.most_texts = 8
    embedder = open_embedder(api_settings())
    np.testing.assert_allclose(embedder.embed(TEXTS), expected(TEXTS), atol=1e-6)
    server.asked.clear()
    embedder.embed(TEXTS)
    assert max(len(asked.texts) for asked in server.asked) <= 8


def test_a_model_that_cannot_be_shortened_is_not_asked_to(api_settings: MakeSettings, server: EmbeddingServer) -> None:
    server.shortens = False
    embedder = open_embedder(api_settings())
    np.testing.assert_allclose(embedder.embed(TEXTS), expected(TEXTS), atol=1e-6)
    with pytest.raises(ConfigurationError, match="16 numbers instead of 8: set DOCPIPE_EMBED_DIMENSION"):
        open_embedder(api_settings(embed_dimension=8)).embed(TEXTS)


def data(change: Callable[[list[dict[str, Any]]], object]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    def changed(fields: dict[str, Any]) -> dict[str, Any]:
        change(fields["data"])
        return fields

    return changed


def written_out(items: list[dict[str, Any]]) -> None:
    for item in items:
        item["embedding"] = [float(number) * 3 for number in np.frombuffer(base64.b64decode(item["embedding"]), dtype="<f4")]


@pytest.mark.parametrize(
    "change", [lambda items: items.reverse(), written_out], ids=["out of order", "numbers written out, not of unit length"]
)
def test_an_answer_in_another_form_is_understood(
    api_settings: MakeSettings, server: EmbeddingServer, change: Callable[[list[dict[str, Any]]], object]
) -> None:
    server.change = data(change)
    np.testing.assert_allclose(open_embedder(api_settings()).embed(TEXTS), expected(TEXTS), atol=1e-5)


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        (lambda items: items.pop(), EmbedderUnavailable, "49 vectors for 50 texts"),
        (lambda items: items.append(items[0]), EmbedderUnavailable, "51 vectors for 50 texts"),
        (lambda items: items[0].update(index=1), EmbedderUnavailable, "not those of the texts"),
        (lambda items: items[0].update(index=-1), EmbedderUnavailable, "not those of the texts"),
        (lambda items: items[0].update(index="0"), EmbedderUnavailable, "not those of the texts"),
        (lambda items: items[0].pop("index"), EmbedderUnavailable, "no list of vectors"),
        (lambda items: items[0].update(embedding="AAAA"), EmbedderUnavailable, "no list of vectors"),
        (lambda items: items[0].update(embedding="?"), EmbedderUnavailable, "no list of vectors"),
        (lambda items: items[0].update(embedding=[1.0]), EmbedderUnavailable, "different dimensions"),
        (lambda items: items[0].update(embedding=[[1.0] * DIMENSION]), EmbedderUnavailable, "no list of vectors"),
        (lambda items: items[0].update(embedding={"a": 1}), EmbedderUnavailable, "no list of vectors"),
        (lambda items: [item.update(embedding=[1.0] * 7) for item in items], ConfigurationError, "7 numbers instead of 16"),
        (lambda items: items[0].update(embedding=[0.0] * DIMENSION), EmbeddingInvalid, "zero"),
        (lambda items: items[0].update(embedding=[float("nan")] * DIMENSION), EmbeddingInvalid, "not finite"),
        (lambda items: items[0].update(embedding=[1e300] * DIMENSION), EmbeddingInvalid, "not finite"),
        (lambda items: items[0].update(embedding=[None] * DIMENSION), EmbeddingInvalid, "not finite"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_lying_server_is_found_out(
    api_settings: MakeSettings,
    server: EmbeddingServer,
    change: Callable[[list[dict[str, Any]]], object],
    kind: type[DocpipeError],
    message: str,
) -> None:
    server.change = data(change)
    with pytest.raises(kind, match=message):
        open_embedder(api_settings()).embed(TEXTS)


def test_a_vector_that_is_no_use_loses_its_text_alone(api_settings: MakeSettings, server: EmbeddingServer) -> None:
    server.change = data(lambda items: items[7].update(embedding=[0.0] * DIMENSION))
    found = by_place(list(open_embedder(api_settings()).embed_parts(TEXTS)))
    assert [place for place, part in found.items() if part.error] == [7]
    assert len(found) == 50


def test_hostile_texts_lose_nobody_but_themselves(api_settings: MakeSettings, server: EmbeddingServer) -> None:
    scripts = (
        "Привет, γειά, שלום, مرحبا, नमस्ते, বাংলা, ਪੰਜਾਬੀ, ગુજરાતી, தமிழ், తెలుగు, ಕನ್ನಡ, മലയാളം, ไทย, ລາວ, မြန်မာ, ខ្មែរ, 한국어, 日本語, 中文, አማርኛ"
    )
    fine = ["x" * 5_000, scripts, "\U0001f600\U0001f9d1\u200d\U0001f692", "\u0378\U000e0fff\ufdd0", " ", "a\tb\nc\r\x0b\x7f"]
    bad = ["", "half a \ud83d pair", "word " * 9_000]
    found = by_place(list(open_embedder(api_settings()).embed_parts([*fine, *bad])))
    assert [place for place in sorted(found) if found[place].error] == [6, 7, 8]
    assert [str(found[place].error).split(":")[0] for place in (6, 7, 8)] == [
        "a text is empty, which an API has no vector for",
        "a text is not valid Unicode (surrogates not allowed)",
        "a text has 9002 tokens and tiny reads 8191",
    ]
    np.testing.assert_allclose(open_embedder(api_settings()).embed(fine), expected(fine), atol=1e-6)


def test_results_that_nobody_waits_for_are_called_off(
    api_settings: MakeSettings, server: EmbeddingServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openai_embedder, "REQUEST_TEXTS", 1)
    parts = open_embedder(api_settings(embed_requests=1)).embed_parts([str(number) for number in range(100)])
    next(parts)
    parts.close()  # type: ignore[attr-defined]
    assert len(server.asked) < 10


def test_what_was_made_beside_a_failure_is_not_lost(
    api_settings: MakeSettings, server: EmbeddingServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openai_embedder, "REQUEST_TEXTS", 1)
    monkeypatch.setattr(openai_embedder, "wait", lambda futures, return_when: futures_wait(futures))
    server.replies.append(failure(401))
    made: list[Part] = []
    parts = open_embedder(api_settings(embed_requests=20)).embed_parts(TEXTS[:20])
    with pytest.raises(ConfigurationError, match="DOCPIPE_EMBED_KEY"):
        # What came before the error stays in the list.
        made.extend(parts)
    assert len(by_place(made)) == 19


def test_many_threads_share_one_embedder(api_settings: MakeSettings, server: EmbeddingServer) -> None:
    server.seconds = 0.02
    embedder = open_embedder(api_settings(embed_requests=2))
    with ThreadPoolExecutor(6) as threads:
        found = list(threads.map(lambda text: embedder.embed([text])[0], TEXTS[:12]))
    np.testing.assert_allclose(np.vstack(found), expected(TEXTS[:12]), atol=1e-6)
    assert server.most_at_once == 2


def test_a_server_that_begins_to_refuse_everything_is_not_asked_for_every_text(api_settings: MakeSettings, server: EmbeddingServer) -> None:
    embedder = open_embedder(api_settings())
    embedder.embed(TEXTS)
    server.always = failure(400, "no more")
    with pytest.raises(ConfigurationError, match="no more, whatever the text"):
        embedder.embed(TEXTS)
    assert len(server.asked) == 4
    server.always = None
    np.testing.assert_allclose(embedder.embed(TEXTS), expected(TEXTS), atol=1e-6)
    assert server.asked[-1].dimensions == DIMENSION
