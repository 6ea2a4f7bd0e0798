"""The numbers that a rule compares: as they are, as an increase, a share or a quantile."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isnan

from docpipe.alerts.rule import Rule, Selection
from docpipe.metrics.catalog import KNOWN, SERIES, Kind
from docpipe.metrics.sample import Sample
from docpipe.quantile import quantile

Labels = tuple[tuple[str, str], ...]
LIMIT = "le"
"""The label of a histogram's bucket."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One number of a rule."""

    labels: Mapping[str, str]
    value: float


def counted(metric: str) -> bool:
    """Whether the numbers under this name only rise."""
    return SERIES[metric].kind is not Kind.GAUGE if metric in SERIES else metric in KNOWN


def selections(rule: Rule) -> list[Selection]:
    """What a rule reads; of a histogram's quantile the buckets."""
    of = Selection(f"{rule.of.metric}_bucket", rule.of.labels) if rule.quantile is not None else rule.of
    return [of, rule.share_of] if rule.share_of else [of]


def measure(rule: Rule, now: Sequence[Sample], before: Sequence[Sample] | None) -> list[Measured]:
    """Return the rule's numbers; `before` are the counters at the start of its window, None where nothing is known of then."""
    if before is None and any(counted(each.metric) for each in selections(rule)):
        return []
    of, *rest = (_numbers(each, now, before or ()) for each in selections(rule))
    if rule.quantile is not None:
        return _quantiles(rule, of)
    values = _grouped(of, rule.by)
    if rule.by == () and not values:
        # A sum of nothing is nothing, so that a rule can say that nothing happens.
        values[()] = 0.0
    if rule.share_of:
        whole = _grouped(rest[0], rule.by)
        values = {labels: values.get(labels, 0.0) / total for labels, total in whole.items() if total >= max(rule.at_least, 1e-9)}
    return [Measured(dict(labels), value) for labels, value in sorted(values.items()) if not isnan(value)]


def _numbers(of: Selection, now: Iterable[Sample], before: Iterable[Sample]) -> dict[Labels, float]:
    found = {_labels(sample): sample.value for sample in now if of.takes(sample)}
    if counted(of.metric):
        earlier = {_labels(sample): sample.value for sample in before if of.takes(sample)}
        # A counter that is lower than it was began anew.
        return {labels: value - earlier.get(labels, 0.0) if value >= earlier.get(labels, 0.0) else value for labels, value in found.items()}
    return found


def _grouped(numbers: Mapping[Labels, float], by: tuple[str, ...] | None) -> dict[Labels, float]:
    grouped: defaultdict[Labels, float] = defaultdict(float)
    for labels, value in numbers.items():
        grouped[labels if by is None else tuple(pair for pair in labels if pair[0] in by)] += value
    return dict(grouped)


def _quantiles(rule: Rule, buckets: Mapping[Labels, float]) -> list[Measured]:
    groups: defaultdict[Labels, defaultdict[float, float]] = defaultdict(lambda: defaultdict(float))
    for labels, value in buckets.items():
        rest = tuple(pair for pair in labels if pair[0] != LIMIT and (rule.by is None or pair[0] in rule.by))
        groups[rest][float(dict(labels)[LIMIT])] += value
    measured: list[Measured] = []
    for labels, counts in sorted(groups.items()):
        found = quantile(counts, rule.quantile or 0.0)
        if found is not None and max(counts.values()) >= rule.at_least:
            measured.append(Measured(dict(labels), found))
    return measured


def _labels(sample: Sample) -> Labels:
    return tuple(sorted(sample.labels.items()))
