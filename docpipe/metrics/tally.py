"""Counts what a stage does in one run, and adds it to the ledger's counters every few seconds: the process itself is soon gone."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator
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

    def add(self, result: StageResult) -> None:
        """Count a document; now and then what was counted goes to the ledger."""
        for sample in counted(self._stage, result):
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

    def __enter__(self) -> Tally:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.flush()


def counted(stage: StageName, result: StageResult) -> Iterator[Sample]:
    """What one document adds to the counters."""
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
        yield from _embedded(counts.get("vectors", 0), counts.get("tokens", 0), counts.get("cached"), is_billed="billed_tokens" in counts)


def _embedded(vectors: int, tokens: int, cached: int | None, *, is_billed: bool) -> Iterable[Sample]:
    if cached is not None:
        yield Sample("docpipe_cache_hits_total", cached, {"cache": "embeddings"})
        yield Sample("docpipe_cache_misses_total", max(0, vectors - cached), {"cache": "embeddings"})
    if not is_billed and vectors:
        # Which texts were cached is not known any more: their share of the tokens is taken for their share of the texts.
        yield Sample("docpipe_tokens_total", round(tokens * (1 - (cached or 0) / vectors)), {"provider": LOCAL})


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
