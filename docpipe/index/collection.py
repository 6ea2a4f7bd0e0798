"""What a collection is made for, and whether one that exists is that."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from docpipe.embed.model import EmbeddingModel
from docpipe.errors import ConfigurationError, IndexTooNew
from docpipe.settings import Settings

DENSE = "dense"
SPARSE = "bm25"
SCHEMA = 2
"""Raised when vectors or payload change so that older points no longer serve."""

KEYWORD_FIELDS = ("key", "document_class", "language", "tags")
INTEGER_FIELDS = ("generation", "chunk")
DATE_FIELDS = ("date",)
"""Payload fields with an index: what searches filter by, and what `replace` and `delete` look for."""

OVERSAMPLING = {"int8": 2.0, "binary": 4.0}
"""By quantization: candidates, times their number, that are compared again with the full vectors; `benchmarks/index_search.py` has
the recall."""


@dataclass(frozen=True, slots=True)
class Collection:
    """One collection of one embedding model; several stand behind one alias, of which one is searched."""

    alias: str
    model: str
    model_sha256: str
    embedder: str
    """How the settings named the model: a query has to be embedded with it for as long as the collection is searched."""
    dimension: int
    quantization: str = "none"

    @property
    def name(self) -> str:
        """Vectors of two models never share a collection: everything that decides the points is part of the name."""
        made_of = [self.model_sha256, self.dimension, self.quantization, SCHEMA]
        return f"{self.alias}-{hashlib.sha256(json.dumps(made_of).encode()).hexdigest()[:8]}"

    @property
    def record(self) -> Mapping[str, str | int]:
        """Kept beside the points, to be compared with when they are opened again."""
        return {
            "model": self.model,
            "model_sha256": self.model_sha256,
            "embedder": self.embedder,
            "dimension": self.dimension,
            "quantization": self.quantization,
            "schema": SCHEMA,
        }

    @classmethod
    def of_record(cls, alias: str, name: str, record: Mapping[str, object]) -> Self:
        """Read a record back; raises `IndexTooNew`, and `ConfigurationError` for one that does not belong to `name`."""
        schema = record.get("schema")
        if isinstance(schema, int) and schema > SCHEMA:
            raise IndexTooNew(f"the collection {name} was written by a newer docpipe (schema {schema}, this one knows {SCHEMA}): upgrade")
        release = f"`docpipe index release {name}` deletes it"
        if isinstance(schema, int) and schema < SCHEMA:
            raise ConfigurationError(f"the collection {name} was written by an older docpipe: `docpipe reprocess` makes another; {release}")
        try:
            found = cls(
                alias,
                str(record["model"]),
                str(record["model_sha256"]),
                str(record["embedder"]),
                int(str(record["dimension"])),
                str(record["quantization"]),
            )
        except (KeyError, ValueError) as error:
            raise ConfigurationError(
                f"the record of the collection {name} is not docpipe's: set DOCPIPE_COLLECTION to another name"
            ) from error
        if found.name != name or schema != SCHEMA:
            raise ConfigurationError(f"the collection {name} was made for something else, or changed: {release}; then index again")
        return found


def is_named_for(alias: str, name: str) -> bool:
    """Whether `Collection.name` may have made this name; somebody's `documents-old` is not ours to list or to delete."""
    return re.fullmatch(f"{re.escape(alias)}-[0-9a-f]{{8}}", name) is not None


def collection_for(settings: Settings, model: EmbeddingModel) -> Collection:
    """The collection that the settings' model is written to."""
    return Collection(settings.collection, model.name, model.sha256, settings.embedder, model.dimension, settings.index_quantization)
