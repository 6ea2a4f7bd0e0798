"""Questions, and which documents and pages answer them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from docpipe.golden.beir import read_beir
from docpipe.golden.target import Target


@dataclass(frozen=True, slots=True)
class GoldenSet:
    """A set of judged questions; each has at least one target of a grade above 0."""

    folder: Path
    queries: Mapping[str, str]
    """Text by query id."""
    judgements: Mapping[str, Mapping[Target, int]]
    """Grades by query id and target: 0 answers nothing, and the higher the better."""

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Read a folder in BEIR's format: `queries.jsonl`, and `qrels.tsv` or `qrels/test.tsv`.

        Raises `GoldenSetInvalid` with the file and the line at fault.
        """
        path = Path(folder).expanduser().resolve()
        return cls(path, *read_beir(path))

    @property
    def sha256(self) -> str:
        """Of what was asked and judged, whatever the order of the lines: numbers of two sets are never compared."""
        judged = {query: {str(target): grade for target, grade in grades.items()} for query, grades in self.judgements.items()}
        return hashlib.sha256(json.dumps([dict(self.queries), judged], sort_keys=True).encode()).hexdigest()

    @property
    def object_keys(self) -> frozenset[str]:
        """Of every judged document."""
        return frozenset(target.object_key for grades in self.judgements.values() for target in grades)
