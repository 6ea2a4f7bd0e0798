"""Every number that can be measured now: counters as the runs left them, gauges as the ledger, the index and the cards say."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import product

from docpipe.cost.stage_costs import LOCAL
from docpipe.cost.tariff import asked_models
from docpipe.errors import DocpipeError
from docpipe.index import open_catalog
from docpipe.lane import lane_of
from docpipe.ledger import Ledger
from docpipe.ledger.gauges import Paid
from docpipe.metrics.catalog import METRICS, Kind
from docpipe.metrics.gpu import gpu_samples
from docpipe.metrics.histogram import whole
from docpipe.metrics.sample import Sample
from docpipe.models import DocumentStatus, StageName, StageStatus
from docpipe.pipeline import Pipeline

log = logging.getLogger(__name__)


def samples(pipeline: Pipeline) -> list[Sample]:
    """Every gauge and counter, histograms as `_bucket`, `_sum` and `_count`.

    Raises what the ledger raises. An index or a card that does not answer is left out: `/health/detail` says what is wrong with it.
    """
    return [*ledger_samples(pipeline), *index_samples(pipeline), *gpu_samples()]


def ledger_samples(pipeline: Pipeline) -> list[Sample]:
    """What the ledger knows; a few index-only queries, whatever its size."""
    ledger = pipeline.ledger
    return [*_documents(ledger), *_queues(pipeline), *_paid(pipeline), *_counters(ledger)]


def index_samples(pipeline: Pipeline) -> list[Sample]:
    """How large the collections of the index are; nothing where the index does not answer."""
    try:
        with open_catalog(pipeline.settings) as catalog:
            return [Sample("docpipe_index_points", one.points, {"collection": one.collection.name}) for one in catalog.listed()]
    except DocpipeError as error:
        log.warning("the points of the index are not among the metrics: %s", error)
        return []


def _documents(ledger: Ledger) -> Iterator[Sample]:
    summary = ledger.summary()
    # What there is none of is said too: an alert could not tell it from what is not measured.
    for status in DocumentStatus:
        yield Sample("docpipe_documents", summary.documents.get(status, 0), {"status": status.value})
    for stage, stands in product(StageName, StageStatus):
        total = summary.stages.get((stage, stands))
        yield Sample("docpipe_stage_documents", total.documents if total else 0, {"stage": stage.value, "status": stands.value})
    yield Sample("docpipe_quarantined_documents", ledger.held_count())
    yield Sample("docpipe_quarantined_total", ledger.ever_held_count())


def _queues(pipeline: Pipeline) -> Iterator[Sample]:
    ledger, now = pipeline.ledger, datetime.now(UTC)
    lanes = {stage: lane_of(stage, pipeline.settings) for stage in StageName}
    for queue in ledger.queues(lanes):
        # Clocks of machines differ: nothing is older than now.
        age = max(0.0, (now - queue.oldest).total_seconds()) if queue.oldest else 0.0
        yield Sample("docpipe_queue_documents", queue.documents, {"lane": queue.lane.value})
        yield Sample("docpipe_queue_oldest_seconds", age, {"lane": queue.lane.value})
    yield Sample("docpipe_open_batches", ledger.open_batch_count())
    yield Sample("docpipe_run_heartbeats", ledger.living_runs())


def _paid(pipeline: Pipeline) -> Iterator[Sample]:
    ledger, limits = pipeline.ledger, pipeline.settings.budget_limits
    for provider, limit in limits.items():
        yield Sample("docpipe_budget_usd", limit, {"provider": provider})
    today = dict.fromkeys(limits, 0.0)
    for one in ledger.spending(ledger.today()):
        today[one.provider] = today.get(one.provider, 0.0) + one.usd
    for provider, usd in today.items():
        yield Sample("docpipe_spent_today_usd", usd, {"provider": provider})
    # What the settings ask is said from the beginning, at 0: to Prometheus the first value of a series is no rise.
    first = [Paid(provider, model, 0, 0, 0.0) for provider, model in sorted(asked_models(pipeline.settings))]
    known = {(paid.provider, paid.model): paid for paid in (*first, *ledger.paid())}
    for paid in known.values():
        labels = {"provider": paid.provider, "model": paid.model}
        if paid.provider == LOCAL:
            # Its tokens are counted by the runs: the same series twice is one too many for Prometheus.
            yield Sample("docpipe_cost_usd_total", paid.usd, labels)
            continue
        yield Sample("docpipe_tokens_total", paid.tokens, labels)
        yield Sample("docpipe_provider_requests_total", paid.requests, labels)
        yield Sample("docpipe_cost_usd_total", paid.usd, labels)


def _counters(ledger: Ledger) -> Iterator[Sample]:
    """Those of the runs; a counter without labels is said from the beginning, at 0."""
    found = ledger.counters()
    named = {sample.name for sample in found} | {"docpipe_quarantined_total"}
    yield from whole(found)
    for metric in METRICS:
        if metric.kind is Kind.COUNTER and not metric.labels and metric.name not in named:
            yield Sample(metric.name, 0)
