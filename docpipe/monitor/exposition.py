"""Samples in the text format of Prometheus, written by its own client."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric as Family
from prometheus_client.registry import Collector

from docpipe.metrics.catalog import METRICS, SERIES, Kind
from docpipe.metrics.sample import Sample


class _Given(Collector):
    """Hands the client what was measured already."""

    def __init__(self, samples: Iterable[Sample]) -> None:
        self._found: defaultdict[str, list[Sample]] = defaultdict(list)
        for sample in samples:
            # One that an older or newer version counted is no metric of ours.
            if sample.name in SERIES:
                self._found[SERIES[sample.name].name].append(sample)

    def collect(self) -> Iterator[Family]:
        for metric in METRICS:
            if found := self._found.get(metric.name):
                # The client writes the ending of counters itself.
                name = metric.name.removesuffix("_total") if metric.kind is Kind.COUNTER else metric.name
                family = Family(name, metric.help, metric.kind.value)
                for sample in found:
                    family.add_sample(sample.name, dict(sample.labels), sample.value)
                yield family


def exposition(samples: Iterable[Sample]) -> bytes:
    """The body of `/metrics`."""
    registry = CollectorRegistry()
    registry.register(_Given(samples))
    return generate_latest(registry)
