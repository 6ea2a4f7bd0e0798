"""Models of several architectures with random weights, saved as sentence-transformers folders and small enough for a test."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer

from tests.embed.tiny_tokenizers import byte_pairs, unigrams, word_pieces

DIMENSION = 32
_SHAPE: dict[str, Any] = {"hidden_size": DIMENSION, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}


@dataclass(frozen=True)
class TinyModel:
    """How one architecture is built."""

    network: Callable[[int], transformers.PreTrainedModel]
    """From the number of tokens in the vocabulary."""
    tokenizer: Callable[[], Tokenizer]
    pooling: str
    window: int
    prompts: Mapping[str, str]


def _bert(vocabulary: int) -> transformers.PreTrainedModel:
    return transformers.BertModel(transformers.BertConfig(vocab_size=vocabulary, max_position_embeddings=128, **_SHAPE))


def _xlm_roberta(vocabulary: int) -> transformers.PreTrainedModel:
    # One position each for the padding token and what stands before it.
    config = transformers.XLMRobertaConfig(vocab_size=vocabulary, max_position_embeddings=130, pad_token_id=1, **_SHAPE)
    return transformers.XLMRobertaModel(config)


def _modern_bert(vocabulary: int) -> transformers.PreTrainedModel:
    config = transformers.ModernBertConfig(
        vocab_size=vocabulary, max_position_embeddings=8_192, local_attention=16, pad_token_id=0, cls_token_id=2, sep_token_id=3, **_SHAPE
    )
    return transformers.ModernBertModel(config)


def _qwen3(vocabulary: int) -> transformers.PreTrainedModel:
    config = transformers.Qwen3Config(vocab_size=vocabulary, max_position_embeddings=8_192, num_key_value_heads=1, head_dim=16, **_SHAPE)
    return transformers.Qwen3Model(config)


TINY: Mapping[str, TinyModel] = {
    "bert": TinyModel(_bert, word_pieces, "mean", 128, {}),
    "xlm-roberta": TinyModel(_xlm_roberta, unigrams, "mean", 128, {"query": "query: ", "document": "passage: "}),
    "modernbert": TinyModel(_modern_bert, word_pieces, "cls", 8_192, {"query": "search_query: ", "document": "search_document: "}),
    "qwen3": TinyModel(_qwen3, byte_pairs, "lasttoken", 8_192, {"query": "Instruct: find what answers\nQuery:"}),
}


def build(kind: str, folder: Path) -> Path:
    """Save one of `TINY` to a folder."""
    tiny = TINY[kind]
    torch.manual_seed(0)
    tokenizer = tiny.tokenizer()
    network = tiny.network(tokenizer.get_vocab_size())
    # At their usual start all texts have nearly the same vector, which would prove nothing.
    for parameter in network.parameters():
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.25)
    network.save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    padding = next(token for token in ("[PAD]", "<pad>", "<|endoftext|>") if tokenizer.token_to_id(token) is not None)
    write(folder / "tokenizer_config.json", {"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": padding})
    write(
        folder / "modules.json",
        [
            {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
            {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
            {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"},
        ],
    )
    (folder / "1_Pooling").mkdir()
    write(folder / "1_Pooling" / "config.json", {"embedding_dimension": DIMENSION, "pooling_mode": tiny.pooling})
    write(folder / "sentence_bert_config.json", {"max_seq_length": tiny.window})
    write(folder / "config_sentence_transformers.json", {"prompts": dict(tiny.prompts), "default_prompt_name": None})
    return folder


def write(path: Path, content: object) -> None:
    path.write_text(json.dumps(content))
