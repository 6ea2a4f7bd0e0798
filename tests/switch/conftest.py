"""Two configurations of one installation: the second writes to a collection of its own beside the first one's."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from docpipe.index import own_collection, searched_collection
from docpipe.models import StageName
from docpipe.pipeline import Pipeline
from docpipe.reconcile import reconcile
from docpipe.reprocess import plan
from docpipe.settings import Settings
from docpipe.stage import Stage
from docpipe.stage_run import StageResult
from tests.receipted import ReceiptedIndex
from tests.small_stages import small_stages

TEXTS = {"gate": "The gate is five metres wide", "seal": "The seal carries a number", "snow": "Ice falls from the blades"}
QUESTIONS = {"gate": "how wide is the gate in metres", "seal": "which number is on the seal", "snow": "ice on blades"}
WORSE = {"gate": TEXTS["seal"], "seal": TEXTS["gate"]}


class Works:
    """Three documents, indexed by the first configuration."""

    def __init__(self, first: Settings, second: Settings) -> None:
        self.first, self.second = Pipeline(first), Pipeline(second)
        self.indexes = {settings.index_quantization: ReceiptedIndex(settings, own_collection(settings)) for settings in (first, second)}
        self.stages: dict[StageName, Stage] = small_stages({})
        self.old, self.new = (index.collection for index in self.indexes.values())

    def stage(self, pipeline: Pipeline, name: StageName) -> Stage:
        return self.indexes[pipeline.settings.index_quantization] if name is StageName.INDEXED_VECTORS else self.stages[name]

    def index_of(self, pipeline: Pipeline) -> ReceiptedIndex:
        return self.indexes[pipeline.settings.index_quantization]

    def put(self, **texts: str) -> None:
        for name, text in texts.items():
            self.first.bucket.write(name, text.encode())

    def process(self, pipeline: Pipeline) -> list[StageResult]:
        """One look at the bucket, and one run over what waits; returns what became of the index."""
        reconcile(pipeline.bucket, pipeline.ledger, pipeline.settings)
        keys = [document.key for document in pipeline.ledger.pending(100)]
        results = [result for stage in StageName for result in pipeline.run(stage, keys, "run")]
        assert not [result.error for result in results if result.error]
        return results[-len(keys) :] if keys else []

    def reprocess(self, pipeline: Pipeline) -> list[StageResult]:
        """`docpipe reprocess`, and the run that follows."""
        pipeline.ledger.requeue(plan(pipeline.ledger, pipeline.stages).keys)
        return self.process(pipeline)

    @property
    def searched(self) -> str:
        return searched_collection(self.first.settings).name

    def close(self) -> None:
        for pipeline in (self.first, self.second):
            pipeline.ledger.close()


def write_golden(folder: Path, questions: Mapping[str, str]) -> str:
    """A golden set in which each question is answered by the document of its name."""
    folder.mkdir(exist_ok=True)
    (folder / "queries.jsonl").write_text("".join(json.dumps({"_id": name, "text": text}) + "\n" for name, text in questions.items()))
    (folder / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\n" + "".join(f"{name}\t{name}\t1\n" for name in questions))
    return str(folder)


@pytest.fixture
def golden(tmp_path: Path) -> str:
    return write_golden(tmp_path / "golden", QUESTIONS)


@pytest.fixture
def make_works(settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Works]]:
    made: list[Works] = []

    def make(**overrides: object) -> Works:
        # The points' vectors mean nothing, so that their words alone decide.
        common = {"search_dense_weight": 0.0, **overrides}
        works = Works(settings(**common), settings(index_quantization="int8", **common))
        made.append(works)
        monkeypatch.setattr(Pipeline, "stage", lambda self, name, run_id="": works.stage(self, name))
        works.put(**TEXTS)
        works.process(works.first)
        return works

    yield make
    for works in made:
        works.close()


@pytest.fixture
def works(make_works: Callable[..., Works]) -> Works:
    """Without a golden set."""
    return make_works()
