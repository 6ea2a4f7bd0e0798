"""A cross-encoder small enough to be built, and broken, in a test."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from docpipe.embed.model import find_model
from docpipe.settings import Settings
from tests.embed.conftest import tiny, tiny_master

__all__ = ["tiny", "tiny_master"]

WINDOW = 64


@pytest.fixture(scope="session")
def cross_encoder_master(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    folder = tmp_path_factory.mktemp("master") / "cross-encoder"
    torch.manual_seed(0)
    config = BertConfig(
        id2label={0: "relevance"},
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=WINDOW,
        # Wide, so that scores differ by more than bf16 rounds.
        initializer_range=0.5,
    )
    BertForSequenceClassification(config).save_pretrained(folder)
    shutil.copy(find_model(Settings(_env_file=None)).tokenizer_file, folder / "tokenizer.json")  # type: ignore[call-arg]
    return folder


@pytest.fixture
def cross_encoder(cross_encoder_master: Path, tmp_path: Path) -> Path:
    """A copy that the test may change."""
    return Path(shutil.copytree(cross_encoder_master, tmp_path / "cross-encoder"))
