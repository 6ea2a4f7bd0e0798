"""Runs one stage over every document of the ledger and kills itself in the middle: `python -m tests.end_to_end.killed_stage`.

Arguments: the stage, the point to die at, and how many documents come before it. Points: `made`, when the stage has its
artifact in hand; `stored`, when the artifact is in the store and the ledger does not know of it yet.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Sequence

from docpipe.artifacts import ArtifactStore
from docpipe.fingerprint import Recipe
from docpipe.models import Document, StageName
from docpipe.pipeline import Pipeline
from docpipe.settings import load_settings
from docpipe.stage import Item, Outcome, Stage

RUN = "run"


class DiesAfter:
    """A stage that dies when it has made an artifact more than its number."""

    def __init__(self, stage: Stage, number: int) -> None:
        self.name = stage.name
        self._stage = stage
        self._number = number

    def recipe(self, document: Document) -> Recipe:
        return self._stage.recipe(document)

    def process(self, items: Sequence[Item]) -> Iterator[Outcome]:
        for number, outcome in enumerate(self._stage.process(items)):
            if number == self._number:
                os.kill(os.getpid(), signal.SIGKILL)
            yield outcome


class DyingStore(ArtifactStore):
    """A store that dies when it has saved an artifact more than its number."""

    number = 0

    def save(self, stage: StageName, key: str, fingerprint: str, data: bytes) -> None:
        super().save(stage, key, fingerprint, data)
        self.number -= 1
        if self.number < 0:
            os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    stage, point, number = StageName(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    pipeline = Pipeline(load_settings())
    if point == "made":
        made = DiesAfter(pipeline.stage(stage, RUN), number)
        Pipeline.stage = lambda self, name, run_id="": made  # type: ignore[method-assign]
    else:
        pipeline.artifacts.__class__ = DyingStore
        DyingStore.number = number
    list(pipeline.run(stage, [document.key for document in pipeline.ledger.all_documents()], RUN))


if __name__ == "__main__":
    main()
