"""What a collection is made for, and whether one that exists is that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from docpipe.embed.model import EmbeddingModel
from docpipe.errors import ConfigurationError
from docpipe.settings import Settings

DENSE = "dense"
SPARSE = "bm25"
SCHEMA = 1
"""Raised when vectors or payload change so that older points no longer serve."""

KEYWORD_FIELDS = ("key", "document_class", "language")
INTEGER_FIELDS = ("generation", "chunk")
"""Payload fields with an index: what searches filter by, and what `replace` and `delete` look for."""


@dataclass(frozen=True, slots=True)
class Collection:
    """One collection of one embedding model."""

    name: str
    model: str
    model_sha256: str
    dimension: int

    @property
    def record(self) -> Mapping[str, str | int]:
        """Kept beside the points, to be compared with when they are opened again."""
        return {"model": self.model, "model_sha256": self.model_sha256, "dimension": self.dimension, "schema": SCHEMA}

    def check(self, found: Mapping[str, object]) -> None:
        """Raise `ConfigurationError` when a collection was made for something else."""
        different = [
            f"{name} {found[name]} instead of {wanted}" for name, wanted in self.record.items() if found.get(name, wanted) != wanted
        ]
        if different:
            raise ConfigurationError(
                f"the collection {self.name} was made for another model ({', '.join(different)}): "
                "set DOCPIPE_EMBEDDER back, or DOCPIPE_COLLECTION to a new name and index again"
            )


def collection_for(settings: Settings, model: EmbeddingModel) -> Collection:
    """Vectors of two models never share a collection: the model's hash is part of the name."""
    return Collection(f"{settings.collection}-{model.sha256[:8]}", model.name, model.sha256, model.dimension)
