from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from docpipe.embed.model import find_model
from docpipe.errors import ConfigurationError, ModelMissing
from docpipe.settings import Settings
from tests.embed.conftest import TINY_DIMENSION

MakeSettings = Callable[..., Settings]


def change(path: Path, **fields: Any) -> None:
    path.write_text(json.dumps((json.loads(path.read_text()) if path.exists() else {}) | fields))


def test_minilm_is_in_the_wheel(settings: MakeSettings) -> None:
    model = find_model(settings())
    assert (model.name, model.window, model.special_tokens, model.dimension, model.pooling) == ("all-MiniLM-L6-v2", 256, 2, 384, "mean")
    assert len(model.sha256) == 64
    assert find_model(settings()) is model


def test_the_tokenizer_neither_cuts_nor_pads(settings: MakeSettings) -> None:
    tokenizer = find_model(settings()).tokenizer()
    assert len(tokenizer.encode("word " * 1000).ids) == 1002
    assert [len(one.ids) for one in tokenizer.encode_batch(["one", "one two three"])] == [3, 5]
    assert find_model(settings()).tokenizer() is tokenizer


def test_a_folder_of_ones_own(settings: MakeSettings, tiny: Path) -> None:
    model = find_model(settings(embedder=str(tiny)))
    assert (model.name, model.dimension, model.window, model.folder) == ("tiny", TINY_DIMENSION, 48, tiny)
    assert [path.name for path in model.weights] == ["model.safetensors"]


def test_the_hash_covers_weights_tokenizer_and_configuration(settings: MakeSettings, tiny: Path) -> None:
    hashes = {find_model(settings(embedder=str(tiny))).sha256}
    for name in ("model.safetensors", "tokenizer.json", "config.json", "1_Pooling/config.json"):
        file = tiny / name
        before = file.read_bytes()
        file.write_bytes(before.replace(b"e", b"E", 1) if name == "model.safetensors" else before + b" ")
        hashes.add(find_model(settings(embedder=str(tiny))).sha256)
        file.write_bytes(before)
        os.utime(file, ns=(1, len(hashes)))
    assert len(hashes) == 5


def test_the_window_is_the_smallest_limit_there_is(settings: MakeSettings, tiny: Path) -> None:
    change(tiny / "sentence_bert_config.json", max_seq_length=512)
    assert find_model(settings(embedder=str(tiny))).window == 64
    change(tiny / "tokenizer_config.json", model_max_length=40)
    assert find_model(settings(embedder=str(tiny))).window == 40
    change(tiny / "tokenizer_config.json", model_max_length=1e30)
    change(tiny / "config.json", model_type="roberta", pad_token_id=1)
    assert find_model(settings(embedder=str(tiny))).window == 62


def test_both_spellings_of_the_pooling_are_read(settings: MakeSettings, tiny: Path) -> None:
    (tiny / "1_Pooling" / "config.json").write_text(json.dumps({"embedding_dimension": 32, "pooling_mode": "cls"}))
    assert find_model(settings(embedder=str(tiny))).pooling == "cls"


@pytest.mark.parametrize(
    ("name", "fields", "message"),
    [
        ("1_Pooling/config.json", {"pooling_mode_max_tokens": True}, "pooling"),
        ("1_Pooling/config.json", {"pooling_mode": "lasttoken"}, "pooling"),
        ("config_sentence_transformers.json", {"prompts": {"document": "passage: "}}, "prompt"),
        ("config_sentence_transformers.json", {"prompts": {"query": "q"}, "default_prompt_name": "query"}, "prompt"),
    ],
)
def test_a_model_that_would_be_used_wrongly_is_refused(
    settings: MakeSettings, tiny: Path, name: str, fields: dict[str, Any], message: str
) -> None:
    change(tiny / name, **fields)
    with pytest.raises(ConfigurationError, match=message):
        find_model(settings(embedder=str(tiny)))


def test_a_query_prompt_is_kept(settings: MakeSettings, tiny: Path) -> None:
    change(tiny / "config_sentence_transformers.json", prompts={"query": "query: ", "document": ""})
    assert find_model(settings(embedder=str(tiny))).query_prompt == "query: "


def test_further_modules_are_refused(settings: MakeSettings, tiny: Path) -> None:
    modules = [{"type": f"sentence_transformers.models.{kind}", "path": ""} for kind in ("Transformer", "Pooling", "Dense")]
    (tiny / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(ConfigurationError, match="Dense"):
        find_model(settings(embedder=str(tiny)))


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "config.json", "1_Pooling/config.json"])
def test_a_missing_file_is_named(settings: MakeSettings, tiny: Path, name: str) -> None:
    (tiny / name).unlink()
    with pytest.raises(ModelMissing, match=r"safetensors" if name == "model.safetensors" else name):
        find_model(settings(embedder=str(tiny)))


@pytest.mark.parametrize("name", ["tokenizer.json", "config.json", "modules.json", "1_Pooling/config.json", "sentence_bert_config.json"])
@pytest.mark.parametrize("content", ["", "{", "[]", "null", "[1]"])
def test_a_damaged_file_says_what_to_do(settings: MakeSettings, tiny: Path, name: str, content: str) -> None:
    (tiny / name).write_text(content)
    with pytest.raises(ConfigurationError, match=r"again|supported"):
        find_model(settings(embedder=str(tiny)))


def test_an_unknown_name_says_what_can_be_chosen(settings: MakeSettings) -> None:
    with pytest.raises(ModelMissing, match="minilm"):
        find_model(settings(embedder="word2vec"))
