from __future__ import annotations

import pytest

from docpipe.cost.dollars import dollars


@pytest.mark.parametrize(
    ("usd", "shown"),
    [(0, "0.00"), (5, "5.00"), (0.5, "0.50"), (1_234.5678, "1,234.5678"), (0.75123, "0.7512"), (0.000023, "0.000023"), (0.1 + 0.2, "0.30")],
)
def test_small_amounts_keep_their_digits(usd: float, shown: str) -> None:
    assert dollars(usd) == shown
