"""A model small enough to be built, converted and broken in a test."""

from __future__ import annotations

import json
import shutil
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
    shutil.copy(find_model(Settings(_env_file=None)).folder / "tokenizer.json", folder)  # type: ignore[call-arg]
    (folder / "modules.json").write_text(json.dumps([{"type": "x.Transformer", "path": ""}, {"type": "x.Pooling", "path": "1_Pooling"}]))
    (folder / "1_Pooling").mkdir()
    pooling = {"word_embedding_dimension": TINY_DIMENSION, "pooling_mode_mean_tokens": True}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 48}))
    return folder


@pytest.fixture
def tiny(tiny_master: Path, tmp_path: Path) -> Path:
    """A copy that the test may change."""
    return Path(shutil.copytree(tiny_master, tmp_path / "tiny"))
