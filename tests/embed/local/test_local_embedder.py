from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from docpipe.embed.embedder import open_local_embedder
from docpipe.embed.local.encoder import Batch
from docpipe.embed.local.local_embedder import LocalEmbedder
from docpipe.embed.local.network import load_network
from docpipe.embed.local.torch_encoder import TorchEncoder
from docpipe.embed.model import find_model
from docpipe.errors import EmbeddingInvalid
from docpipe.settings import Settings
from tests.chunk.scripts import TWENTY_SCRIPTS

MakeSettings = Callable[..., Settings]

TEXTS = [
    "The pump must be switched off before the cover is opened.",
    "Before opening the cover, turn the pump off.",
    "Revenue rose by four percent in the third quarter.",
    "",
    "😀 🚒",
    "机器学习",
    "word " * 254,
    "One more sentence, of middling length, so that several widths occur in the same call." * 3,
    "\u0378\U000e0fff unassigned",
    "x" * 100_000,
    *TWENTY_SCRIPTS,
]


class FixedEncoder:
    """Answers with the same array, whatever is asked, and notes how large the batches were."""

    precision = "f32"
    batch_tokens = 64

    def __init__(self, answer: NDArray[np.float32] | None = None) -> None:
        self._answer = answer
        self.shapes: list[tuple[int, ...]] = []

    def encode(self, batches: Iterable[Batch]) -> Iterator[NDArray[np.float32]]:
        for batch in batches:
            self.shapes.append(batch.ids.shape)
            yield np.ones((len(batch.ids), 384), dtype=np.float32) if self._answer is None else self._answer


def cosine(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """The smallest, of vectors of unit length."""
    return float(np.sum(one * other, axis=1).min())


def test_vectors_are_unit_length_and_in_the_texts_order(settings: MakeSettings) -> None:
    vectors = open_local_embedder(settings()).embed(TEXTS)
    assert vectors.shape == (len(TEXTS), 384)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert vectors[0] @ vectors[1] > 0.8 > vectors[0] @ vectors[2]


@pytest.mark.filterwarnings("ignore")
def test_a_vector_depends_neither_on_its_batch_nor_on_the_backend(settings: MakeSettings) -> None:
    class FullPrecision(FixedEncoder):
        """The model in f32, without padding and without a mask."""

        def encode(self, batches: Iterable[Batch]) -> Iterator[NDArray[np.float32]]:
            for batch in batches:
                made = [network(torch.from_numpy(ids[None, : mask.sum()]), torch.ones((1, int(mask.sum())))) for ids, mask in rows(batch)]
                yield torch.cat(made).numpy()

    def rows(batch: Batch) -> Iterable[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        return zip(batch.ids, batch.mask, strict=True)

    import torch

    model = find_model(settings())
    assert model.folder is not None
    network = load_network(model.folder, model.pooling)
    with torch.inference_mode():
        reference = LocalEmbedder(model, FullPrecision()).embed(TEXTS)
    for backend in ("openvino", "torch"):
        embedder = open_local_embedder(settings(embed_backend=backend))
        for batch_tokens in (1, 500, 100_000):
            made = LocalEmbedder(model, embedder.encoder, batch_tokens).embed(TEXTS[::-1])[::-1]
            assert cosine(reference, made) > 0.9995


def test_a_query_does_not_wait_for_a_run(settings: MakeSettings) -> None:
    begun, go_on = threading.Event(), threading.Event()

    class Slow(FixedEncoder):
        def encode(self, batches: Iterable[Batch]) -> Iterator[NDArray[np.float32]]:
            for made in super().encode(batches):
                if len(made) > 1:
                    begun.set()
                    assert go_on.wait(60)
                yield made

    embedder = LocalEmbedder(find_model(settings()), Slow())
    with ThreadPoolExecutor(1) as thread:
        run = thread.submit(embedder.embed, ["a passage"] * 100)
        assert begun.wait(60)
        assert embedder.embed(["a query"]).shape == (1, 384)
        assert not run.done()
        go_on.set()
        assert run.result(60).shape == (100, 384)


def test_no_text_makes_no_vector(settings: MakeSettings) -> None:
    assert open_local_embedder(settings()).embed([]).shape == (0, 384)


@pytest.mark.parametrize("text", ["word " * 255, "語" * 255, "😀 " * 300, "a." * 200], ids=["words", "signs", "emoji", "dots"])
def test_a_text_over_the_window_is_an_error_and_never_cut(settings: MakeSettings, text: str) -> None:
    embedder = LocalEmbedder(find_model(settings()), FixedEncoder())
    with pytest.raises(EmbeddingInvalid, match="make the chunks again"):
        embedder.embed(["fine", text])
    assert embedder.embed(["fine"]).shape == (1, 384)


def test_a_text_that_is_no_unicode_is_an_error(settings: MakeSettings) -> None:
    with pytest.raises(EmbeddingInvalid, match="Unicode"):
        LocalEmbedder(find_model(settings()), FixedEncoder()).embed(["half a \ud83d pair"])


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (np.full((1, 384), np.nan), "not finite"),
        (np.full((1, 384), np.inf), "not finite"),
        (np.zeros((1, 384)), "zero"),
        (np.ones((1, 383)), "shape"),
        (np.ones((2, 384)), "shape"),
    ],
    ids=["nan", "infinite", "zero", "narrow", "two"],
)
@pytest.mark.parametrize("dimension", [0, 64])
def test_a_backend_that_lies_is_found_out(settings: MakeSettings, answer: NDArray[np.float64], message: str, dimension: int) -> None:
    embedder = LocalEmbedder(find_model(settings(embed_dimension=dimension)), FixedEncoder(answer.astype(np.float32)))
    with pytest.raises(EmbeddingInvalid, match=message):
        embedder.embed(["one"])


def test_batches_are_what_suits_the_encoder_or_what_is_asked_for(settings: MakeSettings) -> None:
    texts = ["one two"] * 40
    for asked, width in ((0, 16), (400, 40), (8, 2)):
        encoder = FixedEncoder()
        LocalEmbedder(find_model(settings()), encoder, asked).embed(texts)
        assert max(shape[0] for shape in encoder.shapes) == width
        assert sum(shape[0] for shape in encoder.shapes) == len(texts)


def test_texts_of_any_order_stand_with_their_like(settings: MakeSettings) -> None:
    encoder = FixedEncoder()
    texts = [" ".join(["word"] * (1 + number * 7 % 200)) for number in range(3_000)]
    LocalEmbedder(find_model(settings()), encoder, 1_024).embed(texts)
    tokens = sum(text.count(" ") + 3 for text in texts)
    assert sum(rows * width for rows, width in encoder.shapes) < 1.02 * tokens


def test_shortened_vectors_are_the_beginning_of_the_long_ones(settings: MakeSettings, tiny: Path) -> None:
    long = LocalEmbedder(find_model(settings(embedder=str(tiny))), TorchEncoder(find_model(settings(embedder=str(tiny))), "cpu", "f32"))
    short_model = find_model(settings(embedder=str(tiny), embed_dimension=8))
    short = LocalEmbedder(short_model, TorchEncoder(short_model, "cpu", "f32"))
    expected = long.embed(["one text", "and another"])[:, :8]
    np.testing.assert_allclose(
        short.embed(["one text", "and another"]), expected / np.linalg.norm(expected, axis=1, keepdims=True), atol=1e-6
    )


def test_an_error_leaves_the_encoder_usable(settings: MakeSettings) -> None:
    embedder = open_local_embedder(settings())
    many = ["some words " * 30] * 60
    for wrong in ("word " * 300, "half a \ud83d pair"):
        with pytest.raises(EmbeddingInvalid):
            embedder.embed([*many, wrong])
        assert cosine(embedder.embed(many[:2]), embedder.embed(many[:1])) > 0.9995
