"""What operations see of a stage while it works: counters, lines of the log that say what they are about, and a span of the run's trace."""

from __future__ import annotations

from contextlib import ExitStack
from types import TracebackType

import dagster as dg

from doc_assets.run_log import PRODUCT
from docpipe.logs import log_context
from docpipe.metrics.tally import Tally
from docpipe.models import StageName
from docpipe.pipeline import Pipeline
from docpipe.stage_run import StageResult
from docpipe.tracing import Span, continued, span
from sensors.run_traces import trace_of

SHOWN_DOCUMENTS = 100
"""Documents that the span tells of one by one, besides those that failed: a batch of thousands is no trace."""


class StageWatch:
    """Told of every result; says nothing where the settings want none of it."""

    def __init__(self, context: dg.AssetExecutionContext, pipeline: Pipeline, stage: StageName, total: int) -> None:
        self._run = context.run
        self._pipeline = pipeline
        self._stage = stage
        self._total = total
        self._seen = 0
        self._failed = 0
        self._stack = ExitStack()
        self._tally: Tally | None = None
        self._span = Span()

    def __enter__(self) -> StageWatch:
        about = {"stage": self._stage.value, "run": self._run.run_id, "batch": self._run.tags.get("docpipe/batch_id", "")}
        with ExitStack() as stack:
            stack.enter_context(log_context(**about))
            stack.enter_context(continued(trace_of(self._run)))
            attributes = {f"docpipe.{name}": value for name, value in about.items() if value}
            self._span = stack.enter_context(span(f"stage {self._stage}", attributes))
            if self._pipeline.settings.monitor:
                self._tally = stack.enter_context(Tally(self._pipeline.ledger, self._stage))
            self._stack = stack.pop_all()
        return self

    def add(self, result: StageResult) -> None:
        """Take note of how a document left the stage."""
        key, error = result.document.key, result.error
        self._seen += 1
        self._failed += error is not None
        if self._tally is not None:
            self._tally.add(result)
        if error is not None:
            PRODUCT.warning("%s: %s: %s", key, type(error).__name__, error, extra={"document": key})
            self._span.event("document failed", document=key, error=type(error).__name__)
        else:
            PRODUCT.debug("%s: %s in %.2f s", key, "already there" if result.reused else "made", result.seconds, extra={"document": key})
            if self._seen <= SHOWN_DOCUMENTS:
                self._span.event("document", document=key, reused=result.reused, seconds=result.seconds)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._span.note(**{"docpipe.documents": self._total, "docpipe.seen": self._seen, "docpipe.failed": self._failed})
        self._stack.__exit__(kind, error, trace)
