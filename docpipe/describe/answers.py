"""Answers of the vision model that were paid for once."""

from __future__ import annotations

import hashlib
import json

from docpipe.artifacts import ArtifactStore
from docpipe.describe.prompt import PROMPT_VERSION, Prompt
from docpipe.errors import ArtifactDamaged
from docpipe.fingerprint import Recipe, fingerprint
from docpipe.models import StageName


class Answers:
    """Kept among the artifacts of the document that the picture belongs to, so that they go when it goes.

    An answer is found by what it was made of, as every artifact is: the picture, the model, the prompt and its version.
    """

    def __init__(self, artifacts: ArtifactStore, model: str) -> None:
        self._artifacts = artifacts
        self._model = model

    def find(self, key: str, prompt: Prompt, picture: bytes) -> str | None:
        """The answer about this picture of the document with this partition key; None where it was not asked for yet."""
        name = self._name(prompt, picture)
        try:
            if not self._artifacts.exists(StageName.PARSED_PAGES, key, name):
                return None
            text = json.loads(self._artifacts.load(StageName.PARSED_PAGES, key, name))["answer"]
        except (ArtifactDamaged, ValueError, KeyError, TypeError):
            return None
        return text if isinstance(text, str) else None

    def keep(self, key: str, prompt: Prompt, picture: bytes, text: str) -> None:
        """Store an answer; raises what the store raises."""
        self._artifacts.save(StageName.PARSED_PAGES, key, self._name(prompt, picture), json.dumps({"answer": text}).encode())

    def _name(self, prompt: Prompt, picture: bytes) -> str:
        recipe = Recipe("vision", PROMPT_VERSION, {"prompt": prompt.name}, {"vision": self._model})
        return fingerprint(recipe, [hashlib.sha256(picture).hexdigest()])
