"""Every metric there is: its name, kind, labels and meaning. Dashboards and alert rules may use these and no others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

SECONDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_800.0, 3_600.0)
"""Upper bounds of the buckets of times: from a text file to the longest document that the default settings allow."""
DOCUMENTS = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1_000.0)
"""Upper bounds of the buckets of batch sizes."""


class Kind(StrEnum):
    """As Prometheus has them."""

    GAUGE = "gauge"
    COUNTER = "counter"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Metric:
    """What can be measured under one name."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    """Upper bounds, of a histogram."""

    @property
    def series(self) -> tuple[str, ...]:
        """The names under which its numbers stand: three for a histogram."""
        if self.kind is Kind.HISTOGRAM:
            return tuple(f"{self.name}_{part}" for part in ("bucket", "sum", "count"))
        return (self.name,)


def _gauge(name: str, text: str, *labels: str) -> Metric:
    return Metric(f"docpipe_{name}", Kind.GAUGE, text, labels)


def _counter(name: str, text: str, *labels: str) -> Metric:
    return Metric(f"docpipe_{name}_total", Kind.COUNTER, text, labels)


def _histogram(name: str, text: str, buckets: tuple[float, ...], *labels: str) -> Metric:
    return Metric(f"docpipe_{name}", Kind.HISTOGRAM, text, labels, buckets)


METRICS = (
    _gauge("documents", "Documents by where they stand.", "status"),
    _gauge("stage_documents", "Documents by stage and how it stands.", "stage", "status"),
    _gauge("queue_documents", "Documents that may go on now or are worked on, by the lane of their next stage.", "lane"),
    _gauge("queue_oldest_seconds", "Time since the oldest of them last moved, or could.", "lane"),
    _gauge("open_batches", "Batches whose runs are not over."),
    _gauge("quarantined_documents", "Documents held in quarantine."),
    _gauge("budget_usd", "What a provider may be paid a day, in US dollars; absent where there is no limit.", "provider"),
    _gauge("spent_today_usd", "What a provider was paid since midnight UTC, in US dollars.", "provider"),
    _gauge("index_points", "Points of a collection of the index.", "collection"),
    _gauge("gpu_utilisation", "Share of the last moment in which the card computed, 0 to 1.", "gpu"),
    _gauge("gpu_memory_bytes", "Memory of the card that is in use.", "gpu"),
    _gauge("last_look_timestamp_seconds", "When the sensor last compared the bucket with the ledger, in seconds since 1970."),
    _gauge("run_heartbeats", "Runs that gave a sign of life within the last minute."),
    _counter(
        "stage_results",
        "Documents that left a stage, by what became of them: made, reused, failed, retried, postponed.",
        "stage",
        "outcome",
    ),
    _counter("pages", "Pages that were parsed."),
    _counter("chunks", "Chunks that were made."),
    _counter("tokens", "Tokens that a model read; provider `local` is the model on our own machines.", "provider", "model"),
    _counter("provider_requests", "Requests to a provider that is paid.", "provider", "model"),
    _counter("cost_usd", "What providers were paid, in US dollars; the model is empty where none can be named.", "provider", "model"),
    _counter("cache_hits", "What a cache had.", "cache"),
    _counter("cache_misses", "What a cache did not have.", "cache"),
    _counter("retries", "Attempts of a stage at one document beyond the first.", "stage"),
    _counter("quarantined", "Documents that were ever quarantined."),
    _counter("cpu_seconds", "Processor time of our own machines.", "stage"),
    _counter("gpu_seconds", "Time on cards of our own machines.", "stage"),
    _histogram("stage_seconds", "Work of a stage on one document, by the clock.", SECONDS, "stage"),
    _histogram("batch_documents", "Documents of a batch.", DOCUMENTS),
    _histogram("run_seconds", "Length of a run.", SECONDS, "job"),
)

KNOWN: Mapping[str, Metric] = {metric.name: metric for metric in METRICS}
"""By name."""

SERIES: Mapping[str, Metric] = {name: metric for metric in METRICS for name in metric.series}
"""By the names of their numbers: `docpipe_stage_seconds_bucket` belongs to `docpipe_stage_seconds`."""
