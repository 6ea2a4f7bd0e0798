"""A pipeline with its real stages in a home of its own, driven stage by stage, and all that it holds, to compare."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from docpipe.index import open_reader
from docpipe.ledger import Ledger
from docpipe.models import StageName
from docpipe.pipeline import Pipeline
from docpipe.reconcile import reconcile
from docpipe.settings import load_settings
from docpipe.stage import WORK_COUNTS
from docpipe.stage_run import StageResult

RUN = "run"
TEXTS = {
    "bearing.md": "# Bearing\n\nThe main bearing of turbine seven was replaced on 3 March 2024 for EUR 1,200.50.\n\n## Cause\n\nRust.",
    "gate.txt": "The gate of the service hall will be 5.20 metres wide. Write to gate@example.org.",
    "prices.csv": "part,price\nbolt,3.20\nnut,0.40\n",
    "seal.html": "<html><body><h1>Seal</h1><p>The seal carries the number 77 318.</p></body></html>",
    "snow.txt": "Bei Eis an den Rotorblättern gilt ein Abstand von 280 Metern. " * 40,
    "words.txt": "Nothing to report today.",
}


@contextmanager
def opened(home: Path, bucket: Path, **overrides: object) -> Iterator[Pipeline]:
    """The pipeline of a home, without OCR."""
    settings = load_settings(home=home, bucket=bucket.as_uri(), ocr=False, workers=2, _env_file=None, **overrides)
    pipeline = Pipeline(settings)
    try:
        yield pipeline
    finally:
        pipeline.ledger.close()


def look(pipeline: Pipeline) -> list[str]:
    """What a sensor's tick does; returns every document."""
    reconcile(pipeline.bucket, pipeline.ledger, pipeline.settings)
    return [document.key for document in pipeline.ledger.all_documents()]


def run(pipeline: Pipeline, stages: Iterable[StageName] = tuple(StageName)) -> list[StageResult]:
    """Take every document through the stages, as one run."""
    keys = [document.key for document in pipeline.ledger.all_documents()]
    return [result for stage in stages for result in pipeline.run(stage, keys, RUN)]


@dataclass(frozen=True)
class Contents:
    """All that a home holds; vectors apart, since their last digits depend on what was embedded together."""

    documents: dict[str, tuple[Any, ...]]
    stages: dict[tuple[str, StageName], tuple[Any, ...]]
    artifacts: set[tuple[StageName, str, str]]
    points: dict[str, dict[str, Any]]
    vectors: dict[str, NDArray[np.float32]]

    def assert_equals(self, other: Contents) -> None:
        assert self.documents == other.documents
        assert self.stages == other.stages
        assert self.artifacts == other.artifacts
        assert self.points == other.points
        assert self.vectors.keys() == other.vectors.keys()
        for point, vector in self.vectors.items():
            assert float(vector @ other.vectors[point]) > 0.999


def contents(pipeline: Pipeline) -> Contents:
    ledger: Ledger = pipeline.ledger
    documents = {one.key: (one.object_key, one.generation, one.status, one.content_sha256, one.error) for one in ledger.all_documents()}
    stages = {
        place: (state.status, state.generation, state.fingerprint, state.recipe, _held(state.counts))
        for place, state in ledger.stage_states(list(documents)).items()
    }
    artifacts = {(one.stage, one.document_id, one.fingerprint) for stage in StageName for one in pipeline.artifacts.list_stage(stage)}
    points, vectors = _points(pipeline)
    return Contents(documents, stages, artifacts, points, vectors)


def _held(counts: Mapping[str, int]) -> dict[str, int]:
    """What an artifact holds, without what making it took: that depends on what was found."""
    return {name: number for name, number in counts.items() if name not in WORK_COUNTS}


def _points(pipeline: Pipeline) -> tuple[dict[str, dict[str, Any]], dict[str, NDArray[np.float32]]]:
    """Every point of the embedded index, with its payload and its dense vector, read from the engine itself."""
    import qdrant_edge as edge

    from docpipe.index.collection import DENSE
    from docpipe.index.edge import EdgeReader

    with open_reader(pipeline.settings) as index:
        assert isinstance(index, EdgeReader)
        with index._shard() as shard:
            if shard is None:
                return {}, {}
            found, more = shard.scroll(edge.ScrollRequest(limit=10_000, with_payload=True, with_vector=True))
    assert more is None
    payloads = {str(point.id): dict(point.payload or {}) for point in found}
    # The sparse vector is made of the passage's text alone, which the payload has.
    named = {str(point.id): point.vector for point in found}
    vectors = {one: np.asarray(vector[DENSE], dtype=np.float32) for one, vector in named.items() if isinstance(vector, dict)}
    assert vectors.keys() == payloads.keys()
    return payloads, vectors
