"""How far a mean over queries may be off: percentile bootstrap, so that nobody believes noise."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

RESAMPLES = 10_000


def interval(values: Sequence[float], seed: int = 7) -> tuple[float, float]:
    """The middle 95% of the means of resampled queries; of paired differences where the values are such.

    Efron and Tibshirani, An Introduction to the Bootstrap, 1993; for rankings, Sakai, SIGIR 2006.
    """
    given = np.asarray(values, dtype=np.float64)
    picks = np.random.default_rng(seed).integers(len(given), size=(RESAMPLES, len(given)))
    low, high = np.percentile(given[picks].mean(axis=1), [2.5, 97.5])
    return float(low), float(high)
