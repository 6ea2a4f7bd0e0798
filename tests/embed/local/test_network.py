from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from docpipe.embed.local.conversion import convert
from docpipe.embed.local.graph import GRAPH_FILE
from docpipe.embed.local.local_embedder import LocalEmbedder
from docpipe.embed.local.network import PooledEncoder, load_network
from docpipe.embed.local.torch_encoder import TorchEncoder
from docpipe.embed.model import find_model
from docpipe.errors import ModelMissing
from docpipe.settings import Settings
from tests.chunk.scripts import TWENTY_SCRIPTS
from tests.embed.tiny_models import TINY, build

MakeSettings = Callable[..., Settings]

STATES = torch.tensor([[[1.0, 0.0], [0.0, 3.0], [9.0, 9.0]], [[2.0, 1.0], [-4.0, 0.0], [0.0, 5.0]]])
MASK = torch.tensor([[1, 1, 0], [1, 1, 1]])
TEXTS = [
    "The pump must be switched off.",
    "before the cover is opened, the pump must be switched off",
    "",
    "😀 漢字かな",
    "a",
    *TWENTY_SCRIPTS[:4],
]


class FixedStates(torch.nn.Module):
    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> SimpleNamespace:
        return SimpleNamespace(last_hidden_state=STATES.to(torch.bfloat16))


@pytest.fixture(scope="module", params=list(TINY))
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One architecture after the other."""
    return build(request.param, tmp_path_factory.mktemp("models") / request.param)


@pytest.mark.parametrize(
    ("pooling", "expected"),
    [("mean", [[0.5, 1.5], [-2 / 3, 2]]), ("cls", [[1, 0], [2, 1]]), ("max", [[1, 3], [2, 5]]), ("last", [[0, 3], [0, 5]])],
)
def test_padding_is_never_pooled(pooling: str, expected: list[list[float]]) -> None:
    made = PooledEncoder(FixedStates(), pooling)(MASK, MASK).numpy()
    wanted = np.array(expected)
    np.testing.assert_allclose(made, wanted / np.linalg.norm(wanted, axis=1, keepdims=True), rtol=1e-5)


@pytest.mark.filterwarnings("ignore")
def test_every_architecture_makes_the_vectors_of_sentence_transformers(settings: MakeSettings, folder: Path) -> None:
    from sentence_transformers import SentenceTransformer

    model = find_model(settings(embedder=str(folder)))
    embedder = LocalEmbedder(model, TorchEncoder(model, "cpu", "f32"))
    reference = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    passages = embedder.embed([model.passage_prompt + text for text in TEXTS])
    queries = embedder.embed([model.query_prompt + text for text in TEXTS])
    np.testing.assert_allclose(passages, reference.encode_document(TEXTS), atol=1e-4)
    np.testing.assert_allclose(queries, reference.encode_query(TEXTS), atol=1e-4)
    assert (passages @ passages.T).min() < 0.99


@pytest.mark.filterwarnings("ignore")
def test_every_architecture_can_be_converted(settings: MakeSettings, folder: Path, tmp_path: Path) -> None:
    # What was written is compared with torch on other shapes before it counts.
    convert(folder, find_model(settings(embedder=str(folder))).pooling, tmp_path)
    assert (tmp_path / GRAPH_FILE).stat().st_size > 1_000


def test_a_long_text_is_read_to_its_end(settings: MakeSettings, folder: Path) -> None:
    model = find_model(settings(embedder=str(folder)))
    embedder = LocalEmbedder(model, TorchEncoder(model, "cpu", "f32"))
    words = "pump cover " * 4_096
    ends = model.tokenizer().encode(words, add_special_tokens=False).offsets
    whole = words[: ends[model.window - model.special_tokens - 1][1]]
    shorter = words[: ends[model.window - model.special_tokens - 40][1]]
    one, other = embedder.embed([whole, shorter])
    if model.pooling != "cls":
        assert one @ other < 1 - 1e-6
    assert model.window in (128, 8_192)


def test_truncated_weights_are_refused(settings: MakeSettings, tiny: Path) -> None:
    file = tiny / "model.safetensors"
    for content in (file.read_bytes()[:-100], file.read_bytes()[:50], b""):
        file.write_bytes(content)
        with pytest.raises(ModelMissing, match="reinstall it"):
            load_network(tiny, "mean")


def test_weights_that_lack_a_layer_are_refused(tiny: Path) -> None:
    file = tiny / "model.safetensors"
    weights = load_file(file)
    del weights["encoder.layer.0.output.dense.weight"]
    save_file(weights, file, metadata={"format": "pt"})
    with pytest.raises(ModelMissing, match=r"lack encoder\.layer\.0\.output\.dense\.weight"):
        load_network(tiny, "mean")


@pytest.mark.parametrize("config", ["{}", '{"model_type": "unheard_of"}', '{"model_type": "bert", "hidden_size": 33}'])
def test_a_configuration_of_another_model_is_refused(tiny: Path, config: str) -> None:
    (tiny / "config.json").write_text(config)
    with pytest.raises(ModelMissing, match=r"cannot be loaded|lack"):
        load_network(tiny, "mean")
