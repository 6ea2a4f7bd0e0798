"""A model with random weights, small enough to be built in a test."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from docpipe.embed.model import find_model
from docpipe.settings import load_settings

DIMENSION = 32


def build_tiny_model(folder: Path, *, blind: bool = False) -> Path:
    """Save a BERT of one layer with MiniLM's tokenizer; a blind one sees how long a text is, and none of its words."""
    import torch
    from transformers import BertConfig, BertModel

    torch.manual_seed(0)
    config = BertConfig(hidden_size=DIMENSION, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64, max_position_embeddings=64)
    model = BertModel(config)
    if blind:
        torch.nn.init.zeros_(model.embeddings.word_embeddings.weight)
    model.save_pretrained(folder)
    shutil.copy(find_model(load_settings(_env_file=None)).tokenizer_file, folder / "tokenizer.json")
    (folder / "modules.json").write_text(json.dumps([{"type": "x.Transformer", "path": ""}, {"type": "x.Pooling", "path": "1_Pooling"}]))
    (folder / "1_Pooling").mkdir()
    pooling = {"word_embedding_dimension": DIMENSION, "pooling_mode_mean_tokens": True}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    return folder
