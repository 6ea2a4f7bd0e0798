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
    assert "model.safetensors" in [name for name, _, _ in model.files]


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
        ("1_Pooling/config.json", {"pooling_mode": "weightedmean"}, "pooling"),
        ("1_Pooling/config.json", {"pooling_mode": ["cls", "mean"]}, "pooling"),
        ("config_sentence_transformers.json", {"prompts": {"query": "q"}, "default_prompt_name": "other"}, "default_prompt_name"),
        ("config_sentence_transformers.json", {"prompts": ["query: "]}, "prompts"),
        ("config_sentence_transformers.json", {"prompts": {"query": 1}}, "prompts"),
        ("tokenizer_config.json", {"add_eos_token": True}, "end token"),
    ],
)
def test_a_model_that_would_be_used_wrongly_is_refused(
    settings: MakeSettings, tiny: Path, name: str, fields: dict[str, Any], message: str
) -> None:
    if "add_eos_token" in fields:
        (tiny / "tokenizer.json").write_text(json.dumps(json.loads((tiny / "tokenizer.json").read_text()) | {"post_processor": None}))
    change(tiny / name, **fields)
    with pytest.raises(ConfigurationError, match=message):
        find_model(settings(embedder=str(tiny)))


def test_a_model_that_wants_lower_case_has_to_make_it(settings: MakeSettings, tiny: Path) -> None:
    change(tiny / "sentence_bert_config.json", do_lower_case=True)
    assert find_model(settings(embedder=str(tiny))).window == 48
    tokenizer = json.loads((tiny / "tokenizer.json").read_text())
    tokenizer["normalizer"]["lowercase"] = False
    (tiny / "tokenizer.json").write_text(json.dumps(tokenizer))
    with pytest.raises(ConfigurationError, match="Lowercase"):
        find_model(settings(embedder=str(tiny)))


def test_prompts_are_left_out_of_the_pooling_by_no_model_that_has_any(settings: MakeSettings, tiny: Path) -> None:
    change(tiny / "1_Pooling" / "config.json", include_prompt=False)
    assert find_model(settings(embedder=str(tiny))).pooling == "mean"
    change(tiny / "config_sentence_transformers.json", prompts={"query": "query: "})
    with pytest.raises(ConfigurationError, match="leaves the prompt out"):
        find_model(settings(embedder=str(tiny)))


@pytest.mark.parametrize(("mode", "pooling"), [("lasttoken", "last"), ("mean_sqrt_len_tokens", "mean"), (["max"], "max")])
def test_poolings_have_the_names_of_sentence_transformers(settings: MakeSettings, tiny: Path, mode: object, pooling: str) -> None:
    (tiny / "1_Pooling" / "config.json").write_text(json.dumps({"embedding_dimension": 32, "pooling_mode": mode}))
    assert find_model(settings(embedder=str(tiny))).pooling == pooling


def test_the_settings_overrule_the_folder(settings: MakeSettings, tiny: Path) -> None:
    own = find_model(settings(embedder=str(tiny)))
    model = find_model(
        settings(
            embedder=str(tiny),
            embed_dimension=8,
            embed_window=64,
            embed_pooling="last",
            embed_query_prompt="query: ",
            embed_passage_prompt="passage: ",
        )
    )
    assert (model.dimension, model.network_dimension, model.window, model.pooling) == (8, TINY_DIMENSION, 64, "last")
    assert (model.query_prompt, model.passage_prompt) == ("query: ", "passage: ")
    assert (own.dimension, own.network_dimension, own.pooling) == (TINY_DIMENSION, 0, "mean")


def test_the_hash_follows_what_decides_a_passages_vector_and_nothing_else(settings: MakeSettings, tiny: Path) -> None:
    def sha256(**changes: object) -> str:
        return find_model(settings(embedder=str(tiny), **changes)).sha256

    own = sha256()
    for same in ({"embed_dimension": 32}, {"embed_pooling": "mean"}, {"embed_passage_prompt": ""}, {"embed_query_prompt": "q: "}):
        assert sha256(**same) == own
    assert sha256(embed_window=64) == own
    others = [sha256(**changed) for changed in ({"embed_dimension": 8}, {"embed_pooling": "cls"}, {"embed_passage_prompt": "p: "})]
    assert len({own, *others}) == 4


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"embed_dimension": 33}, "DOCPIPE_EMBED_DIMENSION=33.*32 or less"),
        ({"embed_window": 65}, "DOCPIPE_EMBED_WINDOW=65.*64 or less"),
        ({"embed_window": 2}, "DOCPIPE_EMBED_WINDOW=2 has no room"),
        ({"embed_pooling": "median"}, "DOCPIPE_EMBED_POOLING=median.*mean, cls, max, last"),
        ({"embed_query_prompt": "word " * 46}, "query prompt.*DOCPIPE_EMBED_QUERY_PROMPT"),
        ({"embed_passage_prompt": "word " * 60}, "passage prompt.*DOCPIPE_EMBED_PASSAGE_PROMPT"),
    ],
    ids=["dimension", "positions", "window", "pooling", "query", "passage"],
)
def test_a_setting_that_the_model_cannot_follow_says_what_it_can(
    settings: MakeSettings, tiny: Path, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        find_model(settings(embedder=str(tiny), **changes))


def test_a_prompt_takes_its_room(settings: MakeSettings, tiny: Path) -> None:
    model = find_model(settings(embedder=str(tiny), embed_passage_prompt="passage: "))
    assert (model.room(""), model.room(model.passage_prompt)) == (46, 44)


def test_a_model_that_changes_is_another_model(settings: MakeSettings, tiny: Path) -> None:
    before = find_model(settings(embedder=str(tiny)))
    weights = (tiny / "model.safetensors").read_bytes()
    (tiny / "model.safetensors").write_bytes(weights[:-4] + b"\0\1\2\3")
    assert find_model(settings(embedder=str(tiny))).sha256 != before.sha256


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
