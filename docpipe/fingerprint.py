"""Fingerprints: what an artifact is made of, in one hash.

A fingerprint covers the fingerprints of the inputs and the recipe of the stage. Same fingerprint, same artifact:
work that is already there is found instead of repeated.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property


@dataclass(frozen=True)
class Recipe:
    """Everything but its inputs that decides what a stage makes."""

    stage: str
    code_version: str
    """Raised by hand whenever the stage computes something else."""
    parameters: Mapping[str, object] = field(default_factory=dict)
    """Settings and versions of the libraries that shape the artifact; JSON values only."""
    models: Mapping[str, str] = field(default_factory=dict)
    """Name and sha256 of every model used."""

    @cached_property
    def text(self) -> str:
        """Canonical JSON: the same recipe is the same text on every machine."""
        body = {"stage": self.stage, "code_version": self.code_version, "parameters": dict(self.parameters), "models": dict(self.models)}
        return json.dumps(body, sort_keys=True, ensure_ascii=False, separators=(",", ":"))

    @cached_property
    def hash(self) -> str:
        return _digest([self.text])


def fingerprint(recipe: Recipe, inputs: Iterable[str]) -> str:
    """32 hex digits for one artifact; `inputs` are the fingerprints of its inputs, in the stage's order."""
    return _digest([recipe.hash, *inputs])


def differences(old: str, new: str) -> tuple[str, ...]:
    """What changed between two recipes, for people: `max_tokens 254 -> 200`."""
    before, after = _flat(json.loads(old)), _flat(json.loads(new))
    names = sorted(before.keys() | after.keys())
    return tuple(
        f"{name} {before.get(name, 'unset')} -> {after.get(name, 'unset')}" for name in names if before.get(name) != after.get(name)
    )


def _flat(recipe: Mapping[str, object]) -> dict[str, object]:
    flat: dict[str, object] = {}
    for name, value in recipe.items():
        if isinstance(value, Mapping):
            flat.update(value)
        else:
            flat[name] = value
    return flat


def _digest(parts: Iterable[str]) -> str:
    # Lengths are hashed too, so that ("ab", "c") and ("a", "bc") differ.
    hasher = hashlib.sha256()
    for part in parts:
        data = part.encode()
        hasher.update(len(data).to_bytes(8, "big"))
        hasher.update(data)
    return hasher.hexdigest()[:32]
