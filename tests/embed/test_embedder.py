from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from docpipe.embed.embedder import choose_backend, open_embedder
from docpipe.embed.local import LocalEmbedder
from docpipe.embed.model import find_model
from docpipe.errors import ConfigurationError, EmbeddingInvalid, TransientError
from docpipe.settings import Settings

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
]


class FixedEncoder:
    """Answers with the same array, whatever is asked."""

    precision = "f32"

    def __init__(self, answer: NDArray[np.float32]) -> None:
        self._answer = answer

    def encode(self, ids: NDArray[np.int64], mask: NDArray[np.int64]) -> NDArray[np.float32]:
        return self._answer


def test_vectors_are_unit_length_and_in_the_texts_order(settings: MakeSettings) -> None:
    embedder = open_embedder(settings())
    vectors = embedder.embed(TEXTS)
    assert vectors.shape == (len(TEXTS), 384)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert vectors[0] @ vectors[1] > 0.8 > vectors[0] @ vectors[2]


def test_a_vector_does_not_depend_on_its_neighbours(settings: MakeSettings) -> None:
    embedder = open_embedder(settings())
    together = embedder.embed(TEXTS)
    alone = np.vstack([embedder.embed([text]) for text in TEXTS])
    backwards = LocalEmbedder(embedder.model, embedder.encoder, 10_000).embed(TEXTS[::-1])[::-1]
    assert np.sum(together * alone, axis=1).min() > 0.9995
    assert np.sum(together * backwards, axis=1).min() > 0.9995


@pytest.mark.filterwarnings("default")
def test_the_backends_agree_with_the_model_in_full_precision(settings: MakeSettings) -> None:
    import torch

    from docpipe.embed.torch_encoder import load_network

    class FullPrecision:
        precision = "f32"

        def __init__(self) -> None:
            self.network = load_network(model.folder, model.pooling)

        def encode(self, ids: NDArray[np.int64], mask: NDArray[np.int64]) -> NDArray[np.float32]:
            with torch.inference_mode():
                vectors: NDArray[np.float32] = self.network(torch.from_numpy(ids), torch.from_numpy(mask)).numpy()
                return vectors

    model = find_model(settings())
    reference = LocalEmbedder(model, FullPrecision(), 4096).embed(TEXTS)
    for backend in ("openvino", "torch"):
        made = open_embedder(settings(embed_backend=backend)).embed(TEXTS)
        assert np.sum(reference * made, axis=1).min() > 0.9995


def test_no_text_makes_no_vector(settings: MakeSettings) -> None:
    assert open_embedder(settings()).embed([]).shape == (0, 384)


def test_a_text_over_the_window_is_an_error_and_never_cut(settings: MakeSettings) -> None:
    with pytest.raises(EmbeddingInvalid, match="257 tokens"):
        open_embedder(settings()).embed(["fine", "word " * 255])


def test_a_text_that_is_no_unicode_is_an_error(settings: MakeSettings) -> None:
    with pytest.raises(EmbeddingInvalid, match="Unicode"):
        open_embedder(settings()).embed(["half a \ud83d pair"])


@pytest.mark.parametrize("answer", [np.full((1, 384), np.nan), np.zeros((1, 384)), np.ones((1, 383)), np.ones((2, 384))])
def test_a_backend_that_lies_is_found_out(settings: MakeSettings, answer: NDArray[np.float64]) -> None:
    embedder = LocalEmbedder(find_model(settings()), FixedEncoder(answer.astype(np.float32)), 4096)
    with pytest.raises(EmbeddingInvalid):
        embedder.embed(["one"])


def test_a_worker_keeps_its_model(settings: MakeSettings) -> None:
    assert open_embedder(settings()) is open_embedder(settings())


def test_a_failing_device_is_transient(settings: MakeSettings) -> None:
    embedder = open_embedder(settings())
    wrong = replace(embedder.model, dimension=1)
    with pytest.raises(TransientError, match="DOCPIPE_EMBED_BATCH_TOKENS"):
        LocalEmbedder(wrong, embedder.encoder, 4096).encoder.encode(np.zeros((2, 8), dtype=np.int64), np.ones((3, 5), dtype=np.int64))


def test_an_unknown_backend_says_what_can_be_chosen() -> None:
    with pytest.raises(ConfigurationError, match="openvino or torch"):
        choose_backend("abacus")


def test_a_warm_home_needs_no_torch(settings: MakeSettings, tiny: Path) -> None:
    program = (
        "import sys; from docpipe.settings import load_settings; from docpipe.embed.embedder import open_embedder\n"
        "embedder = open_embedder(load_settings(home=sys.argv[1], embedder=sys.argv[2], embed_backend='openvino', _env_file=None))\n"
        "assert embedder.embed(['one', 'two words']).shape == (2, 32)\n"
        "print('torch' in sys.modules, any(name.startswith('openvino_telemetry.') for name in sys.modules))"
    )
    for _ in range(2):
        command = [sys.executable, "-c", program, str(settings().home), str(tiny)]
        assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "False False\n"
