"""Which prompts a sentence-transformers folder asks for, before a query and before a passage."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from docpipe.errors import ModelMissing

PROMPT_FILE = "config_sentence_transformers.json"
_QUERY = ("query",)
_PASSAGE = ("document", "passage", "corpus")


class Prompts(NamedTuple):
    """Empty where the model wants none."""

    query: str
    passage: str


def read_prompts(folder: Path, config: Mapping[str, Any]) -> Prompts:
    """Choose from the fields of `config_sentence_transformers.json`.

    Passages take the first of `document`, `passage` and `corpus` that is not empty, as sentence-transformers' `encode_document`
    does. A default prompt serves those for whom none is named; one that is named for queries never serves passages, nor the
    other way round.
    """
    prompts, default = config.get("prompts") or {}, config.get("default_prompt_name")
    if not isinstance(prompts, dict) or not all(text is None or isinstance(text, str) for text in prompts.values()):
        raise ModelMissing(f"the prompts in {folder}/{PROMPT_FILE} are not texts by name: save the model again, or reinstall it")
    if default is not None and default not in prompts:
        raise ModelMissing(f"{folder}/{PROMPT_FILE} has no prompt for its default_prompt_name: save the model again, or reinstall it")
    return Prompts(_chosen(prompts, default, _QUERY, _PASSAGE), _chosen(prompts, default, _PASSAGE, _QUERY))


def _chosen(prompts: Mapping[str, str | None], default: str | None, names: tuple[str, ...], others: tuple[str, ...]) -> str:
    named = next((text for name in names if (text := prompts.get(name))), None)
    if named is None and default is not None and default not in others and not any(name in prompts for name in names):
        return prompts[default] or ""
    return named or ""
