from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from docpipe.cost.usage import Usage
from docpipe.embed.contract import Part, joined
from docpipe.errors import EmbeddingInvalid


@given(st.integers(0, 10**9), st.lists(st.integers(1, 10**6)))
def test_bills_add_up(total: int, lengths: list[int]) -> None:
    shares = Part([], np.empty((0, 2), np.float32), usage=Usage("openai", "m", 1, input_tokens=total, usd=total / 7)).shares(lengths)
    assert all(share.input_tokens >= 0 for share in shares)
    assert sum(share.input_tokens for share in shares) == (total if lengths else 0)
    assert sum(share.usd for share in shares) == pytest.approx(total / 7 if lengths else 0)
    assert sum(share.requests for share in shares) == pytest.approx(1 if lengths else 0)


def test_parts_are_joined_in_the_order_of_the_texts() -> None:
    parts = [Part([2, 0], np.array([[2, 2], [0, 0]], np.float32)), Part([1], np.array([[1, 1]], np.float32))]
    assert joined(iter(parts), 3, 2)[:, 0].tolist() == [0, 1, 2]


def test_the_first_error_is_raised_and_no_more_is_asked_for() -> None:
    def parts() -> Iterator[Part]:
        yield Part([0], np.empty((0, 2), np.float32), error=EmbeddingInvalid("first"))
        raise AssertionError("asked for more")

    with pytest.raises(EmbeddingInvalid, match="first"):
        joined(parts(), 2, 2)
