"""Counts what a stage does in one run, and adds it to the ledger's counters every few seconds: the process itself is soon gone."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterable, Iterator, Mapping
from types import TracebackType

from docpipe.cost.stage_costs import LOCAL
from docpipe.errors import ArtifactDamaged, BudgetSpent, RunStopped, Superseded, TransientError
from docpipe.ledger import Ledger
from docpipe.metrics.histogram import observed
from docpipe.metrics.sample import Sample
from docpipe.models import StageName
from docpipe.stage_run import StageResult

FLUSH_SECONDS = 5.0
log = logging.getLogger(__name__)


class Tally:
    """What a run that is killed did since the last flush is not counted: the documents themselves are safe in the ledger."""

    def __init__(self, ledger: Ledger, stage: StageName) -> None:
        self._ledger = ledger
        self._stage = stage
        self._amounts: dict[tuple[str, frozenset[tuple[str, str]]], float] = {}
        self._flushed = time.monotonic()
        self._model: str | None = None

    def add(self, result: StageResult) -> None:
        """Count a document; now and then what was counted goes to the ledger."""
        for sample in counted(self._stage, result, self._model_of(result)):
            place = (sample.name, frozenset(sample.labels.items()))
            self._amounts[place] = self._amounts.get(place, 0.0) + sample.value
        if time.monotonic() - self._flushed > FLUSH_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Add what was counted to the ledger; where it does not answer, the next flush does."""
        self._flushed = time.monotonic()
        try:
            self._ledger.count(Sample(name, value, dict(labels)) for (name, labels), value in self._amounts.items())
        except TransientError as error:
            log.warning("what %s did is not in the metrics yet: %s", self._stage, error)
        else:
            self._amounts.clear()

    def _model_of(self, result: StageResult) -> str:
        """The model that made the vectors; asked once, since a run has one recipe for all of them."""
        if self._stage is StageName.EMBEDDINGS and self._model is None and not result.reused and result.error is None:
            try:
                self._model = _recorded_model(self._ledger, self._stage, result.document.key)
            except TransientError as error:
                log.warning("the model of %s is not in the metrics yet: %s", self._stage, error)
        return self._model or ""

    def __enter__(self) -> Tally:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.flush()


def counted(stage: StageName, result: StageResult, model: str = "") -> Iterator[Sample]:
    """What one document adds to the counters; `model` is the one that made its vectors."""
    outcome = _outcome(result)
    yield Sample("docpipe_stage_results_total", 1, {"stage": stage.value, "outcome": outcome})
    labels = {"stage": stage.value}
    for name, amount in (
        ("retries", result.attempts - 1),
        ("cpu_seconds", result.effort.cpu_seconds),
        ("gpu_seconds", result.effort.gpu_seconds),
    ):
        # Nothing is said of what did not occur.
        if amount:
            yield Sample(f"docpipe_{name}_total", amount, labels)
    if outcome != "made":
        return
    yield from observed("docpipe_stage_seconds", result.seconds, labels)
    counts = result.counts
    if stage is StageName.PARSED_PAGES:
        yield Sample("docpipe_pages_total", counts.get("pages", 0))
    elif stage is StageName.CHUNKS:
        yield Sample("docpipe_chunks_total", counts.get("chunks", 0))
    elif stage is StageName.EMBEDDINGS:
        yield from _embedded(counts, model)


def _embedded(counts: Mapping[str, int], model: str) -> Iterable[Sample]:
    vectors, tokens, cached = counts.get("vectors", 0), counts.get("tokens", 0), counts.get("cached")
    if cached is not None:
        yield Sample("docpipe_cache_hits_total", cached, {"cache": "embeddings"})
        yield Sample("docpipe_cache_misses_total", max(0, vectors - cached), {"cache": "embeddings"})
    # What a provider bills is counted where it is paid.
    if vectors and "billed_tokens" not in counts:
        # Which texts were cached is not known any more: their share of the tokens is taken for their share of the texts.
        tokens = round(tokens * (1 - (cached or 0) / vectors))
        yield Sample("docpipe_tokens_total", tokens, {"provider": LOCAL, "model": model})


def _recorded_model(ledger: Ledger, stage: StageName, key: str) -> str | None:
    """The model that the recipe of an artifact names, or none; None where the artifact is gone again."""
    state = ledger.stage_states([key]).get((key, stage))
    text = ledger.recipe_texts([state.recipe]).get(state.recipe) if state else None
    return None if text is None else ", ".join(sorted(json.loads(text)["models"]))


def _outcome(result: StageResult) -> str:
    match result.error:
        case None:
            return "reused" if result.reused else "made"
        case BudgetSpent() | RunStopped():
            return "postponed"
        case TransientError() | ArtifactDamaged() | Superseded():
            # Another run takes the document.
            return "retried"
        case _:
            return "failed"
