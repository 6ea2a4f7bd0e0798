from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from docpipe.cost.usage import NO_USAGE, Usage
from docpipe.embed.contract import Part
from docpipe.embed.model import EmbeddingModel
from docpipe.embed.window import Window
from docpipe.errors import EmbeddingInvalid
from docpipe.models import EmbeddedDocument
from docpipe.stage import Lost, Made
from tests.documents import chunked

MODEL = EmbeddingModel("tiny", None, Path("none"), "aa", 64, 2, 2, "mean")


def window_of(**documents: list[str]) -> Window:
    window = Window(MODEL, counts_cached=True)
    for key, texts in documents.items():
        window.enter(key, chunked(texts), seconds=1.0)
    return window


def made(slots: list[int]) -> Part:
    return Part(slots, np.array([[slot, 1] for slot in slots], dtype=np.float32))


def test_a_document_is_done_with_its_last_text() -> None:
    window = window_of(a=["one", "two", "one"], b=["two", "three"], c=[])
    assert (window.texts, window.chunks) == (["one", "two", "three"], 5)
    results = window.begin()
    assert [outcome.key for outcome in results.without_chunks()] == ["c"]
    assert list(results.take([0], made([0]), 1.0)) == []
    (first,) = results.take([1], made([1]), 1.0)
    assert isinstance(first, Made)
    assert EmbeddedDocument.from_bytes(first.data).vectors[:, 0].tolist() == [0, 1, 0]
    assert first.counts == {"vectors": 3, "tokens": 3, "cached": 1, "billed_tokens": 0}
    assert results.uses([0, 1, 2]) == 5
    (second,) = results.take([2], made([2]), 1.0)
    # A second for loading, a half of the text that both have, and one of its own.
    assert second.key == "b"
    assert second.seconds == pytest.approx(2.5, abs=0.2)


def test_what_failed_loses_the_documents_that_have_it() -> None:
    results = window_of(a=["one"], b=["two"], c=["one", "two"]).begin()
    error = EmbeddingInvalid("no")
    assert [type(outcome) for outcome in results.take([1], Part([1], np.empty((0, 2), np.float32), error=error), 1.0)] == [Lost]
    rest = {outcome.key: outcome for outcome in results.take([0], made([0]), 1.0)}
    assert isinstance(rest["a"], Made)
    assert isinstance(rest["c"], Lost)
    assert list(results.lose(error)) == []


def test_what_is_given_up_is_what_was_not_done() -> None:
    results = window_of(a=["one"], b=["two"]).begin()
    list(results.take([0], made([0]), 1.0))
    assert [outcome.key for outcome in results.lose(EmbeddingInvalid("away"))] == ["b"]


def test_a_text_is_paid_by_the_first_document_that_has_it_and_its_time_by_all() -> None:
    results = window_of(a=["one", "two"], b=["two"]).begin()
    part = Part([0, 1], np.ones((2, 2), dtype=np.float32), usage=Usage("shop", "tiny", 1, 10, usd=0.5), on_gpu=True)
    first, second = results.take([0, 1], part, 8.0, 2.0)
    # Both texts have one token; the second is shared.
    assert (first.effort.usage.usd, second.effort.usage) == (0.5, NO_USAGE)
    assert (first.effort.gpu_seconds, second.effort.gpu_seconds) == (6.0, 2.0)
    assert (first.effort.cpu_seconds, second.effort.cpu_seconds) == (1.5, 0.5)


def test_what_was_paid_for_a_text_that_failed_is_its_documents_cost() -> None:
    results = window_of(a=["one", "two"]).begin()
    assert list(results.take([0], Part([0], np.ones((1, 2), np.float32), usage=Usage("shop", "tiny", 1, 5, usd=0.25)), 1.0)) == []
    failed = Part([1], np.empty((0, 2), np.float32), usage=Usage("shop", "tiny", 1, 5, usd=0.25), error=EmbeddingInvalid("zero"))
    (lost,) = results.take([1], failed, 1.0)
    assert isinstance(lost, Lost)
    assert (lost.effort.usage.tokens, lost.effort.usage.usd, lost.effort.gpu_seconds) == (10, 0.5, 0.0)
