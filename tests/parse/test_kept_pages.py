from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docpipe.parse.kept_pages import KeptPages

LINE = st.binary(max_size=30).map(lambda line: line.replace(b"\n", b""))


@given(st.dictionaries(st.integers(1, 50), LINE), st.lists(st.text()), st.integers(50, 60))
def test_what_was_written_is_read(lines: dict[int, bytes], warnings: list[str], total: int) -> None:
    kept = KeptPages(total, tuple(warnings), lines)
    assert KeptPages.from_bytes(kept.to_bytes()) == kept


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"\xff",
        b'{"total": "x", "warnings": [], "numbers": []}',
        b'{"total": 2, "warnings": 7, "numbers": []}',
        b'{"total": 2, "warnings": [], "numbers": [1]}',
        b'{"total": 2, "warnings": [], "numbers": []}\nx',
        b'{"total": 2, "warnings": [], "numbers": [3]}\nx',
        b'{"total": 2, "warnings": [], "numbers": [0]}\nx',
        b'{"total": 1e999, "warnings": [], "numbers": []}',
    ],
    ids=range(12),
)
def test_anything_else_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        KeptPages.from_bytes(data)
