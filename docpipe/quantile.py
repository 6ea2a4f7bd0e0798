"""A quantile of what fell into the buckets of a histogram."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf, isinf


def quantile(buckets: Mapping[float, float], share: float) -> float | None:
    """Return the value below which a share (0 to 1) of the observations lies; None where there are none.

    `buckets` has, by upper bound, how many observations were not above it. Linear within a bucket, as Prometheus'
    `histogram_quantile` has it: for what lies above the last finite bound that bound is returned.
    """
    bounds = sorted(buckets)
    total = buckets[bounds[-1]] if bounds else 0.0
    if total <= 0:
        return None
    wanted, lower, below = share * total, 0.0, 0.0
    for bound in bounds:
        within = buckets[bound]
        if within >= wanted and within > below:
            return lower if isinf(bound) else lower + (bound - lower) * max(0.0, wanted - below) / (within - below)
        lower, below = (lower if bound == inf else bound), max(below, within)
    return lower
