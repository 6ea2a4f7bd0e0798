"""A model small enough to be built, converted and broken in a test."""

from __future__ import annotations

import json
import shutil
import warnings
from pathlib import Path

import pytest

from docpipe.embed.model import find_model
from docpipe.settings import Settings

TINY_DIMENSION = 32


@pytest.fixture(scope="session")
def tiny_master(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch
    from transformers import BertConfig, BertModel

    folder = tmp_path_factory.mktemp("master") / "tiny"
    torch.manual_seed(0)
    config = BertConfig(
        hidden_size=TINY_DIMENSION, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64, max_position_embeddings=64
    )
    BertModel(config).save_pretrained(folder)
    shutil.copy(find_model(Settings(_env_file=None)).tokenizer_file, folder)  # type: ignore[call-arg]
    (folder / "modules.json").write_text(json.dumps([{"type": "x.Transformer", "path": ""}, {"type": "x.Pooling", "path": "1_Pooling"}]))
    (folder / "1_Pooling").mkdir()
    pooling = {"word_embedding_dimension": TINY_DIMENSION, "pooling_mode_mean_tokens": True}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 48}))
    return folder


@pytest.fixture(scope="session")
def tiny_graph(tiny_master: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the conversion writes; made in this process, which has torch already. MiniLM's is made in a process of its own."""
    from docpipe.embed.local.conversion import convert

    target = tmp_path_factory.mktemp("graph")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        convert(tiny_master, "mean", target)
    return target


def convert_quickly(monkeypatch: pytest.MonkeyPatch, graph: Path) -> None:
    """Have every conversion end with a copy of this graph."""
    monkeypatch.setattr("docpipe.embed.local.graph._convert", lambda _, target: shutil.copytree(graph, target, dirs_exist_ok=True))


@pytest.fixture
def tiny(tiny_master: Path, tmp_path: Path) -> Path:
    """A copy that the test may change."""
    return Path(shutil.copytree(tiny_master, tmp_path / "tiny"))
