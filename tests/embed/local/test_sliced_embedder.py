from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from docpipe.embed.local import sliced_embedder
from docpipe.embed.local.sliced_embedder import SlicedEmbedder
from docpipe.embed.model import EmbeddingModel
from docpipe.errors import ConfigurationError, DocpipeError, EmbeddingInvalid, TransientError

MODEL = EmbeddingModel("tiny", Path("tiny"), Path("none"), "aa", 64, 2, 4, "mean")


class Counting:
    """An embedder that fails on what it is told to."""

    model = MODEL

    def __init__(self, error: DocpipeError | None = None) -> None:
        self._error = error
        self.asked: list[Sequence[str]] = []

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.asked.append(texts)
        if self._error and "bad" in texts:
            raise self._error
        return np.array([[len(text), 0, 0, 0] for text in texts], dtype=np.float32)


def test_slices_grow_while_they_are_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    embedder = Counting()
    parts = list(SlicedEmbedder(embedder).embed_parts(["text"] * 10_000))
    assert [len(texts) for texts in embedder.asked] == [256, 512, 1_024, 2_048, 4_096, 2_064]
    assert [place for part in parts for place in part.places] == list(range(10_000))
    monkeypatch.setattr(sliced_embedder, "SLICE_SECONDS", 0.0)
    slow = Counting()
    list(SlicedEmbedder(slow).embed_parts(["text"] * 1_000))
    assert [len(texts) for texts in slow.asked] == [256, 256, 256, 232]


def test_results_come_while_there_is_more_to_do() -> None:
    embedder = Counting()
    parts = SlicedEmbedder(embedder).embed_parts(["text"] * 1_000)
    next(parts)
    assert len(embedder.asked) == 1


@pytest.mark.parametrize("error", [EmbeddingInvalid("no vector"), TransientError("out of memory")], ids=["text", "device"])
def test_a_text_at_fault_is_found_by_halving(error: DocpipeError) -> None:
    embedder = Counting(error)
    texts = [f"text {number}" for number in range(255)]
    parts = list(SlicedEmbedder(embedder).embed_parts([*texts[:100], "bad", *texts[100:]]))
    assert [(list(part.places), part.error) for part in parts if part.error] == [([100], error)]
    assert sorted(place for part in parts for place in part.places) == list(range(256))
    # With a device that fails, one more: whether it embeds anything.
    assert len(embedder.asked) == 17 + isinstance(error, TransientError)


def test_a_device_that_fails_on_everything_is_not_asked_for_every_text() -> None:
    class Gone(Counting):
        def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
            self.asked.append(texts)
            raise TransientError("the device is lost")

    embedder = Gone()
    with pytest.raises(TransientError, match="lost"):
        list(SlicedEmbedder(embedder).embed_parts(["text"] * 1_000))
    assert len(embedder.asked) == 2


def test_what_no_text_could_mend_is_raised() -> None:
    with pytest.raises(ConfigurationError):
        list(SlicedEmbedder(Counting(ConfigurationError("no model"))).embed_parts(["bad"]))
