"""Histograms as Prometheus has them: a counter for each bucket, their sum, and how many there were."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from docpipe.metrics.catalog import KNOWN, METRICS, Kind, Metric
from docpipe.metrics.sample import Sample

LIMIT = "le"
"""The label with a bucket's upper bound."""


def observed(name: str, value: float, labels: Mapping[str, str] | None = None) -> Iterator[Sample]:
    """What one observation adds to the counters of a histogram of the catalog."""
    given = dict(labels or {})
    for text, limit in _limits(KNOWN[name]):
        if value <= limit:
            yield Sample(f"{name}_bucket", 1, {**given, LIMIT: text})
    yield Sample(f"{name}_sum", value, given)
    yield Sample(f"{name}_count", 1, given)


def whole(counters: Iterable[Sample]) -> list[Sample]:
    """The counters, with the buckets of each histogram in order; those that were never reached are not in the ledger, and are 0 here."""
    found = {(sample.name, frozenset(sample.labels.items())): sample for sample in counters}
    complete: list[Sample] = []
    for metric in METRICS:
        if metric.kind is not Kind.HISTOGRAM:
            continue
        for _, labels in sorted((key for key in found if key[0] == f"{metric.name}_count"), key=lambda key: sorted(key[1])):
            for text, _limit in _limits(metric):
                bucket = {**dict(labels), LIMIT: text}
                complete.append(found.pop((f"{metric.name}_bucket", frozenset(bucket.items())), Sample(f"{metric.name}_bucket", 0, bucket)))
            for part in ("sum", "count"):
                place = (f"{metric.name}_{part}", labels)
                complete.append(found.pop(place, Sample(place[0], 0, dict(labels))))
    return [*found.values(), *complete]


def _limits(metric: Metric) -> Iterator[tuple[str, float]]:
    for limit in metric.buckets:
        yield str(limit), limit
    yield "+Inf", float("inf")
