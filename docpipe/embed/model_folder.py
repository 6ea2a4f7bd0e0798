"""Reads what a sentence-transformers folder says about its model, without loading the weights."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from docpipe.embed.model_prompts import PROMPT_FILE, read_prompts
from docpipe.errors import ConfigurationError, ModelMissing
from docpipe.settings import MEBIBYTE

POOLINGS = ("mean", "cls", "max", "last")
_POOLING_NAMES = {
    "mean": "mean",
    "mean_tokens": "mean",
    # Differs from the mean by a factor, which scaling to unit length takes away.
    "mean_sqrt_len_tokens": "mean",
    "cls": "cls",
    "cls_token": "cls",
    "max": "max",
    "max_tokens": "max",
    "lasttoken": "last",
    "weightedmean": "",
    "weightedmean_tokens": "",
}
"""The values of `pooling_mode`, and the older flags behind `pooling_mode_`; empty: not supported."""
_WINDOW_FILES = (("sentence_bert_config.json", "max_seq_length"), ("tokenizer_config.json", "model_max_length"))
_POSITIONS = ("max_position_embeddings", "n_positions")
_OFFSET_FAMILIES = frozenset(
    {
        "camembert",
        "data2vec-text",
        "longformer",
        "luke",
        "mpnet",
        "roberta",
        "roberta-prelayernorm",
        "xlm-roberta",
        "xlm-roberta-xl",
        "xmod",
    }
)
"""Number their positions from the padding token's id plus one, as transformers' `create_position_ids_from_input_ids` does."""

Stamp = tuple[tuple[str, int, int], ...]
"""Name, size and modification time of every file that decides the vectors."""


@dataclass(frozen=True, slots=True)
class FolderFacts:
    """What the files of a folder say."""

    sha256: str
    """Of the weights, the tokenizer and the configuration."""
    positions: int
    """Tokens that the network has positions for."""
    window: int
    """Tokens that the model is meant to read; at most `positions`."""
    special_tokens: int
    dimension: int
    pooling: str
    query_prompt: str
    passage_prompt: str


def stamp(folder: Path) -> Stamp:
    """List the files that decide the vectors; raises `ModelMissing` with the name of one that is not there."""
    weights = sorted(path.name for path in folder.glob("model*.safetensors"))
    if not weights:
        raise ModelMissing(
            f"no model*.safetensors in {folder}: save the model with sentence-transformers' save_pretrained, or reinstall it"
        )
    pooling = _pooling_file(_modules(folder))
    names = [*weights, "tokenizer.json", "config.json", *([pooling] if pooling else [])]
    names += [name for name in ("modules.json", PROMPT_FILE, *dict(_WINDOW_FILES)) if (folder / name).exists()]
    for name in names:
        if not (folder / name).is_file():
            raise ModelMissing(
                f"{name} is missing in {folder}: save the model with sentence-transformers' save_pretrained, or reinstall it"
            )
    return tuple((name, (folder / name).stat().st_size, (folder / name).stat().st_mtime_ns) for name in names)


@lru_cache(maxsize=8)
def read_folder(folder: Path, stamped: Stamp) -> FolderFacts:
    """Read and hash the files of a stamp; raises `ModelMissing` for damage, `ConfigurationError` for what is not supported."""
    sha256 = _digest(folder, [file for file, _, _ in stamped])
    config = _json(folder / "config.json")
    pooling_file = _pooling_file(_modules(folder))
    pooling = _json(folder / pooling_file) if pooling_file else {}
    dimension = pooling.get("embedding_dimension") or pooling.get("word_embedding_dimension") or config.get("hidden_size")
    if not isinstance(dimension, int) or dimension < 1:
        raise ModelMissing(f"{folder}/config.json names no hidden_size: it does not describe a text encoder")
    prompts = read_prompts(folder, _json(folder / PROMPT_FILE) if (folder / PROMPT_FILE).exists() else {})
    if pooling.get("include_prompt") is False and any(prompts):
        raise ConfigurationError(f"the pooling of {folder} leaves the prompt out, which is not supported: choose another model")
    tokenizer = load_tokenizer(folder / "tokenizer.json", sha256)
    _check_tokenizer(folder, tokenizer)
    positions = _positions(folder, config)
    return FolderFacts(
        sha256=sha256,
        positions=positions,
        window=min([positions, *_limits(folder)]),
        special_tokens=tokenizer.num_special_tokens_to_add(is_pair=False),
        dimension=dimension,
        pooling=_pooling(folder, pooling),
        query_prompt=prompts.query,
        passage_prompt=prompts.passage,
    )


@lru_cache(maxsize=8)
def load_tokenizer(path: Path, sha256: str) -> Tokenizer:  # noqa: ARG001 - the hash makes a replaced file a new entry
    """Load a `tokenizer.json` that neither cuts nor pads, once a process; raises `ModelMissing`."""
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises bare Exception
        raise ModelMissing(f"{path} is not a tokenizer ({error}): save the model again, or reinstall it") from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _digest(folder: Path, names: Sequence[str]) -> str:
    hasher = hashlib.sha256()
    for name in names:
        size = (folder / name).stat().st_size
        hasher.update(f"{name}\0{size}\0".encode())
        with (folder / name).open("rb") as file:
            while block := file.read(4 * MEBIBYTE):
                hasher.update(block)
    return hasher.hexdigest()


def _json(path: Path) -> dict[str, Any]:
    try:
        fields = json.loads(path.read_bytes())
    except ValueError as error:
        raise ModelMissing(f"{path} is not JSON ({error}): save the model again, or reinstall it") from error
    if not isinstance(fields, dict):
        raise ModelMissing(f"{path} holds no JSON object: save the model again, or reinstall it")
    return fields


def _modules(folder: Path) -> list[tuple[str, str]]:
    """Class name and folder of every sentence-transformers module; a plain encoder counts as one that pools by the mean."""
    path = folder / "modules.json"
    if not path.exists():
        return [("Transformer", "")]
    try:
        modules = [(str(one["type"]).rsplit(".", 1)[-1], str(one["path"])) for one in json.loads(path.read_bytes())]
    except (ValueError, TypeError, KeyError) as error:
        raise ModelMissing(f"{path} is not a list of modules ({error}): save the model again, or reinstall it") from error
    kinds = [kind for kind, _ in modules]
    if kinds not in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"]) or modules[0][1]:
        raise ConfigurationError(
            f"{folder} is built of {', '.join(kinds)}; supported: a Transformer at the top of the folder, Pooling, Normalize"
        )
    return modules


def _pooling_file(modules: Sequence[tuple[str, str]]) -> str:
    return next((f"{path}/config.json" for kind, path in modules if kind == "Pooling"), "")


def _pooling(folder: Path, config: Mapping[str, Any]) -> str:
    if not config:
        return "mean"
    mode = config.get("pooling_mode")
    flags = [name.removeprefix("pooling_mode_") for name, value in config.items() if name.startswith("pooling_mode_") and value]
    modes = flags if mode is None else mode if isinstance(mode, list) else [mode]
    pooling = _POOLING_NAMES.get(str(modes[0]), "") if len(modes) == 1 else ""
    if not pooling:
        raise ConfigurationError(f"the pooling of {folder} is not supported: choose a model that pools by one of {', '.join(POOLINGS)}")
    return pooling


def _check_tokenizer(folder: Path, tokenizer: Tokenizer) -> None:
    """Refuse a model whose other files ask for what its `tokenizer.json` does not do."""
    module, settings = ((_json(folder / name) if (folder / name).exists() else {}) for name, _ in _WINDOW_FILES)
    if module.get("do_lower_case") and tokenizer.encode("A").ids != tokenizer.encode("a").ids:
        raise ConfigurationError(
            f"{folder}/sentence_bert_config.json wants lower case and its tokenizer.json keeps capitals: add the normalizer `Lowercase`"
        )
    if settings.get("add_eos_token") and tokenizer.num_special_tokens_to_add(is_pair=False) == 0:
        raise ConfigurationError(
            f"{folder}/tokenizer_config.json wants an end token, which its tokenizer.json does not add: save the tokenizer again"
        )


def _positions(folder: Path, config: Mapping[str, Any]) -> int:
    positions = next((config[name] for name in _POSITIONS if isinstance(config.get(name), int)), 0)
    if config.get("model_type") in _OFFSET_FAMILIES:
        positions -= int(config.get("pad_token_id") or 1) + 1
    if positions < 1:
        raise ModelMissing(f"{folder}/config.json names no max_position_embeddings: it does not describe a text encoder")
    return int(positions)


def _limits(folder: Path) -> list[int]:
    limits = [_json(folder / name).get(key) for name, key in _WINDOW_FILES if (folder / name).exists()]
    return [limit for limit in limits if isinstance(limit, int) and limit > 0]
