from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from docpipe.embed import stage as stage_module
from docpipe.embed.embedder import Embedder, open_embedder
from docpipe.embed.model import EmbeddingModel
from docpipe.embed.stage import EmbedStage
from docpipe.errors import ArtifactDamaged, BucketUnavailable, ConfigurationError, EmbeddingInvalid, TransientError
from docpipe.models import EmbeddedDocument, StageName
from docpipe.settings import Settings
from docpipe.stage import Item, Lost, Made, Outcome
from tests.documents import chunked, document, item

MakeSettings = Callable[..., Settings]


class Watched:
    """The real embedder, which notes what it is asked and fails where it is told to."""

    def __init__(self, settings: Settings, poison: str = "\0", error: Exception | None = None) -> None:
        self._real = open_embedder(settings)
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
    expected = open_embedder(settings()).embed(["red", "a much longer text about green things", "blue", "yellow and", "red"])
    assert np.sum(vectors(outcomes["a"]) * expected[:3], axis=1).min() > 0.9995
    assert np.sum(vectors(outcomes["b"]) * expected[3:], axis=1).min() > 0.9995
    made = outcomes["a"]
    assert isinstance(made, Made)
    assert made.counts == {"vectors": 3, "tokens": 9}
    assert made.seconds > 0
    assert EmbeddedDocument.from_bytes(made.data).model == "all-MiniLM-L6-v2"


def test_a_document_without_chunks_needs_no_model_in_memory(settings: MakeSettings) -> None:
    def never(_: Settings) -> Embedder:
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


def test_windows_and_slices_cut_the_work_without_losing_any(settings: MakeSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage_module, "WINDOW_CHUNKS", 4)
    monkeypatch.setattr(stage_module, "SLICE_CHUNKS", 2)
    watched = Watched(settings())
    items = [texts_item(f"d{number}", *(f"text {number} {chunk}" for chunk in range(number % 4))) for number in range(9)]
    outcomes = by_key(list(EmbedStage(settings(), lambda _: watched).process(items)))
    assert {key: len(vectors(outcome)) for key, outcome in outcomes.items()} == {f"d{number}": number % 4 for number in range(9)}
    assert all(len(texts) <= 2 for texts in watched.asked)


def test_a_document_comes_out_before_the_window_is_done(settings: MakeSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage_module, "SLICE_CHUNKS", 1)
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
