from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from docpipe.embed import window as window_module
from docpipe.embed.contract import BatchEmbedder, Part
from docpipe.embed.embedder import open_local_embedder
from docpipe.embed.local.sliced_embedder import SlicedEmbedder
from docpipe.embed.model import EmbeddingModel
from docpipe.embed.stage import EmbedStage
from docpipe.errors import ArtifactDamaged, BucketUnavailable, ConfigurationError, EmbedderUnavailable, EmbeddingInvalid, TransientError
from docpipe.models import EmbeddedDocument, StageName
from docpipe.settings import Settings
from docpipe.stage import Item, Lost, Made, Outcome
from tests.documents import chunked, document, item
from tests.embed.api_settings import MakeSettings, api_settings, server
from tests.embedding_server import EmbeddingServer, tokens_of, vector_of
from tests.scripted_server import failure

__all__ = ["api_settings", "server"]


class Watched:
    """The real embedder, which notes what it is asked and fails where it is told to."""

    def __init__(self, settings: Settings, poison: str = "\0", error: Exception | None = None) -> None:
        self._real = open_local_embedder(settings)
        self._poison = poison
        self._error = error
        self.asked: list[list[str]] = []

    @property
    def model(self) -> EmbeddingModel:
        return self._real.model

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.asked.append(list(texts))
        if self._error and any(self._poison in text for text in texts):
            raise self._error
        return self._real.embed(texts)

    def embed_parts(self, texts: Sequence[str]) -> Iterator[Part]:
        return SlicedEmbedder(self).embed_parts(texts)


def texts_item(key: str, *texts: str) -> Item:
    return item(key, {StageName.CHUNKS: chunked(texts).to_bytes()})


def by_key(outcomes: Sequence[Outcome]) -> dict[str, Outcome]:
    found = {outcome.key: outcome for outcome in outcomes}
    assert len(found) == len(outcomes)
    return found


def vectors(outcome: Outcome) -> NDArray[np.float32]:
    assert isinstance(outcome, Made)
    return EmbeddedDocument.from_bytes(outcome.data).vectors


def test_every_document_gets_its_own_vectors_in_the_order_of_its_chunks(settings: MakeSettings) -> None:
    items = [texts_item("a", "red", "a much longer text about green things", "blue"), texts_item("b", "yellow and", "red")]
    outcomes = by_key(list(EmbedStage(settings()).process(items)))
    expected = open_local_embedder(settings()).embed(["red", "a much longer text about green things", "blue", "yellow and", "red"])
    assert np.sum(vectors(outcomes["a"]) * expected[:3], axis=1).min() > 0.9995
    assert np.sum(vectors(outcomes["b"]) * expected[3:], axis=1).min() > 0.9995
    made = outcomes["a"]
    assert isinstance(made, Made)
    assert made.counts == {"vectors": 3, "tokens": 9, "cached": 0}
    assert made.seconds > 0
    assert EmbeddedDocument.from_bytes(made.data).model == "all-MiniLM-L6-v2"


def test_a_document_without_chunks_needs_no_model_in_memory(settings: MakeSettings) -> None:
    def never(_: Settings) -> BatchEmbedder:
        raise AssertionError("opened for nothing")

    (outcome,) = EmbedStage(settings(), never).process([texts_item("empty")])
    assert vectors(outcome).shape == (0, 384)


def test_nothing_to_do_makes_nothing(settings: MakeSettings) -> None:
    assert list(EmbedStage(settings()).process([])) == []


def test_the_same_text_is_embedded_once(settings: MakeSettings) -> None:
    watched = Watched(settings())
    outcomes = by_key(
        list(EmbedStage(settings(), lambda _: watched).process([texts_item("a", "same", "same"), texts_item("b", "same", "other")]))
    )
    assert sorted(text for texts in watched.asked for text in texts) == ["other", "same"]
    np.testing.assert_array_equal(vectors(outcomes["a"])[0], vectors(outcomes["b"])[0])


@pytest.mark.parametrize("limit", ["MOST_CHUNKS", "MOST_BYTES"])
def test_windows_cut_the_work_without_losing_any(settings: MakeSettings, monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    monkeypatch.setattr(window_module, limit, {"MOST_CHUNKS": 4, "MOST_BYTES": 4 * (1_536 + 60)}[limit])
    watched = Watched(settings())
    items = [texts_item(f"d{number}", *(f"text {number} {chunk}" for chunk in range(number % 4))) for number in range(9)]
    outcomes = by_key(list(EmbedStage(settings(), lambda _: watched).process(items)))
    assert {key: len(vectors(outcome)) for key, outcome in outcomes.items()} == {f"d{number}": number % 4 for number in range(9)}
    assert [len(texts) for texts in watched.asked] == [6, 6]


def test_a_document_comes_out_before_the_window_is_done(settings: MakeSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("docpipe.embed.local.sliced_embedder.FIRST_TEXTS", 1)
    monkeypatch.setattr("docpipe.embed.local.sliced_embedder.SLICE_SECONDS", 0.0)
    watched = Watched(settings())
    outcomes = EmbedStage(settings(), lambda _: watched).process([texts_item("long", "one two three"), texts_item("short", "one")])
    assert next(outcomes).key == "short"
    assert watched.asked == [["one"]]
    assert next(outcomes).key == "long"


def test_one_document_over_the_window_is_lost_alone(settings: MakeSettings) -> None:
    items = [texts_item("good", "fine", "also fine"), texts_item("long", "short", "word " * 300), texts_item("other", "good")]
    outcomes = by_key(list(EmbedStage(settings()).process(items)))
    lost = outcomes["long"]
    assert isinstance(lost, Lost)
    assert isinstance(lost.error, EmbeddingInvalid)
    assert (len(vectors(outcomes["good"])), len(vectors(outcomes["other"]))) == (2, 1)


def test_a_text_that_the_device_fails_on_is_found_by_halving(settings: MakeSettings) -> None:
    watched = Watched(settings(), "poison", TransientError("out of memory"))
    items = [texts_item(f"d{number}", f"text {number}") for number in range(20)] + [texts_item("bad", "poison")]
    outcomes = by_key(list(EmbedStage(settings(), lambda _: watched).process(items)))
    assert [key for key, outcome in outcomes.items() if isinstance(outcome, Lost)] == ["bad"]
    assert len(watched.asked) < 2 * 21


def test_inputs_that_cannot_be_read_lose_only_their_document(settings: MakeSettings) -> None:
    unavailable = BucketUnavailable("no answer")
    items = [
        item("gone", {StageName.CHUNKS: unavailable}),
        item("damaged", {StageName.CHUNKS: b"{"}),
        item("odd", {StageName.CHUNKS: KeyError("a mistake")}),
        texts_item("good", "fine"),
    ]
    outcomes = by_key(list(EmbedStage(settings()).process(items)))
    errors = {key: outcome.error for key, outcome in outcomes.items() if isinstance(outcome, Lost)}
    assert errors["gone"] is unavailable
    assert isinstance(errors["damaged"], ArtifactDamaged)
    assert isinstance(errors["odd"], KeyError)
    assert len(vectors(outcomes["good"])) == 1


def test_a_wrong_setting_stops_everything(settings: MakeSettings) -> None:
    with pytest.raises(ConfigurationError):
        list(EmbedStage(settings(embed_backend="abacus")).process([texts_item("a", "fine")]))


def test_a_device_that_cannot_be_opened_loses_what_needs_it(settings: MakeSettings) -> None:
    def busy(_: Settings) -> BatchEmbedder:
        raise TransientError("another process has all its memory")

    outcomes = by_key(list(EmbedStage(settings(), busy).process([texts_item("a", "text"), texts_item("empty")])))
    lost = outcomes["a"]
    assert isinstance(lost, Lost)
    assert str(lost.error) == "another process has all its memory"
    assert isinstance(outcomes["empty"], Made)


def test_a_model_that_is_replaced_during_the_run_stops_it(settings: MakeSettings, tiny: Path) -> None:
    made = settings(embedder=str(tiny), embed_backend="torch")
    stage = EmbedStage(made)
    stage.recipe(document("a"))
    weights = (tiny / "model.safetensors").read_bytes()
    (tiny / "model.safetensors").write_bytes(weights[:-4] + b"\0\1\2\3")
    with pytest.raises(ConfigurationError, match="replaced during the run: run again"):
        list(stage.process([texts_item("a", "text")]))


def test_seconds_add_up_to_the_time_that_was_spent(settings: MakeSettings) -> None:
    stage = EmbedStage(settings())
    list(stage.process([texts_item("warm", "up")]))
    began = time.perf_counter()
    outcomes = list(stage.process([texts_item(f"d{number}", "shared", f"some text {number}") for number in range(10)]))
    spent = time.perf_counter() - began
    shares = [outcome.seconds for outcome in outcomes]
    assert 0 < sum(shares) <= spent
    assert min(shares) > 0


def test_the_recipe_names_the_model_and_not_the_machine(settings: MakeSettings) -> None:
    recipes = [EmbedStage(settings(embed_backend=backend)).recipe(document("a")) for backend in ("openvino", "torch")]
    assert recipes[0].hash == recipes[1].hash
    assert list(recipes[0].models) == ["all-MiniLM-L6-v2"]
    assert "precision" not in recipes[0].text


def test_every_text_begins_with_the_prompt_of_passages(settings: MakeSettings, tiny_master: Path) -> None:
    made = settings(embedder=str(tiny_master), embed_backend="torch", embed_passage_prompt="passage: ")
    watched = Watched(made)
    list(EmbedStage(made, lambda _: watched).process([texts_item("a", "one", "two")]))
    assert sorted(text for texts in watched.asked for text in texts) == ["passage: one", "passage: two"]
    recipe, plain = (EmbedStage(one).recipe(document("a")) for one in (made, settings()))
    assert recipe.parameters["passage_prompt"] == "passage: "
    assert "passage_prompt" not in plain.parameters


def test_unchanged_chunks_of_a_changed_document_are_found(settings: MakeSettings) -> None:
    stage = EmbedStage(settings())
    before = by_key(list(stage.process([texts_item("a", "first", "second", "third"), texts_item("b", "other", "first")])))
    after = by_key(list(stage.process([texts_item("a", "first", "second anew", "third"), texts_item("c", "other", "third")])))
    assert {key: counts(outcome)["cached"] for key, outcome in before.items()} == {"a": 0, "b": 1}
    assert {key: counts(outcome)["cached"] for key, outcome in after.items()} == {"a": 2, "c": 2}
    assert np.sum(vectors(before["a"])[[0, 2]] * vectors(after["a"])[[0, 2]], axis=1).min() > 0.9999
    assert np.sum(vectors(before["a"])[1] * vectors(after["a"])[1]) < 0.99


def test_without_a_cache_nothing_is_said_of_it(settings: MakeSettings) -> None:
    (outcome,) = EmbedStage(settings(embed_cache_mb=0)).process([texts_item("a", "same", "same")])
    assert counts(outcome) == {"vectors": 2, "tokens": 2}


def counts(outcome: Outcome) -> dict[str, int]:
    assert isinstance(outcome, Made)
    return dict(outcome.counts)


def test_an_api_embeds_and_bills(api_settings: MakeSettings, server: EmbeddingServer) -> None:
    items = [texts_item("a", "one", "two words"), texts_item("b", "two words", "and three words"), texts_item("c", "one")]
    outcomes = by_key(list(EmbedStage(api_settings()).process(items)))
    np.testing.assert_allclose(vectors(outcomes["b"]), [vector_of("two words"), vector_of("and three words")], atol=1e-6)
    assert len(server.asked) == 1
    billed = {key: counts(outcome)["billed_tokens"] for key, outcome in outcomes.items()}
    # Each text is billed once, to the first document that has it.
    assert billed == {"a": 3, "b": 3, "c": 0}
    assert sum(billed.values()) == tokens_of(server.texts)


def test_what_was_found_is_billed_to_nobody(api_settings: MakeSettings, server: EmbeddingServer) -> None:
    stage = EmbedStage(api_settings(embed_cache_mb=10))
    list(stage.process([texts_item("a", "one", "two words")]))
    (outcome,) = stage.process([texts_item("b", "two words")])
    assert counts(outcome) == {"vectors": 1, "tokens": 2, "cached": 1, "billed_tokens": 0}


def test_a_provider_that_is_away_is_asked_no_more(
    api_settings: MakeSettings, server: EmbeddingServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(window_module, "MOST_CHUNKS", 2)
    server.always = failure(503)
    items = [texts_item(f"d{number}", f"text {number}", f"more {number}") for number in range(20)]
    outcomes = by_key(list(EmbedStage(api_settings()).process([*items, texts_item("empty")])))
    assert {key for key, outcome in outcomes.items() if isinstance(outcome, Made)} == {"empty"}
    errors = [outcome.error for outcome in outcomes.values() if isinstance(outcome, Lost)]
    assert len(errors) == 20
    assert all(isinstance(error, EmbedderUnavailable) for error in errors)
    assert len(server.asked) == 3


def test_what_was_done_before_the_provider_went_away_is_done(
    api_settings: MakeSettings, server: EmbeddingServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("docpipe.embed.api.openai_embedder.REQUEST_TEXTS", 1)
    outcomes = EmbedStage(api_settings(embed_requests=1)).process(
        [texts_item("a", "one"), texts_item("b", "one two"), texts_item("c", "1 2 3")]
    )
    first = next(outcomes)
    server.always = failure(503)
    rest = by_key([first, *outcomes])
    assert isinstance(rest["a"], Made)
    assert isinstance(rest["c"], Lost)


def test_one_text_that_the_provider_refuses_loses_its_document_alone(api_settings: MakeSettings, server: EmbeddingServer) -> None:
    server.poison = "poison"
    items = [texts_item(f"d{number}", f"text {number}", "shared") for number in range(5)]
    outcomes = by_key(list(EmbedStage(api_settings()).process([*items, texts_item("bad", "poison", "shared"), texts_item("void", "")])))
    assert {key for key, outcome in outcomes.items() if isinstance(outcome, Lost)} == {"bad", "void"}
    assert all(isinstance(outcome.error, EmbeddingInvalid) for outcome in outcomes.values() if isinstance(outcome, Lost))


def test_an_answer_without_any_use_loses_all_that_it_answers(api_settings: MakeSettings, server: EmbeddingServer) -> None:
    server.change = lambda fields: {**fields, "data": [{**one, "embedding": [0.0] * 16} for one in fields["data"]]}
    outcomes = list(EmbedStage(api_settings()).process([texts_item("a", "one", "two"), texts_item("b", "three")]))
    assert [type(outcome) for outcome in outcomes] == [Lost, Lost]


@pytest.mark.parametrize("backend", ["local", "api"])
def test_hostile_texts_are_embedded_or_lose_their_document(settings: MakeSettings, api_settings: MakeSettings, backend: str) -> None:
    scripts = "Привет γειά שלום مرحبا नमस्ते বাংলা ਪੰਜਾਬੀ ગુજરાતી தமிழ் తెలుగు ಕನ್ನಡ മലയാളം ไทย ລາວ မြန်မာ ខ្មែរ 한국어 日本語 中文 አማርኛ"
    items = [
        texts_item("scripts", *scripts.split(), "\U0001f600\U0001f9d1\u200d\U0001f692", "\u0378\U000e0fff\ufdd0"),
        texts_item("long", "x " * 100_000),
        texts_item("plain", "nothing special"),
    ]
    made = settings() if backend == "local" else api_settings()
    outcomes = by_key(list(EmbedStage(made).process(items)))
    assert len(vectors(outcomes["scripts"])) == 22
    assert len(vectors(outcomes["plain"])) == 1
    lost = outcomes["long"]
    assert isinstance(lost, Lost)
    assert isinstance(lost.error, EmbeddingInvalid)
    assert "tokens" in str(lost.error)


def test_the_recipe_of_an_api_names_its_model(api_settings: MakeSettings) -> None:
    recipe = EmbedStage(api_settings()).recipe(document("a"))
    assert list(recipe.models) == ["tiny"]
    assert recipe.parameters == {"dimension": 16, "pooling": "api"}
    assert EmbedStage(api_settings(embed_url="http://elsewhere/v1")).recipe(document("a")).hash == recipe.hash
