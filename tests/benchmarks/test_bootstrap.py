from __future__ import annotations

import numpy as np
import pytest

from benchmarks.bootstrap import interval


def test_the_interval_is_as_wide_as_the_standard_error_says() -> None:
    values = np.random.default_rng(1).normal(0.5, 0.2, 400).tolist()
    low, high = interval(values)
    error = 1.96 * float(np.std(values)) / 20
    assert low == pytest.approx(float(np.mean(values)) - error, abs=0.003)
    assert high == pytest.approx(float(np.mean(values)) + error, abs=0.003)


def test_no_difference_is_no_interval() -> None:
    assert interval([0.0] * 50) == (0.0, 0.0)


def test_the_same_values_give_the_same_interval() -> None:
    assert interval([0.1, 0.5, 0.9, 0.2]) == interval([0.1, 0.5, 0.9, 0.2])
