from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docpipe.parse.kept_pages import LINE_FIELDS, KeptPages
from docpipe.parse.page.element import PageContent

LINE = st.binary(max_size=30).map(lambda line: line.replace(b"\n", b""))


@given(st.dictionaries(st.integers(1, 50), LINE), st.lists(st.text()), st.integers(50, 60), st.floats(0, 1e9))
def test_what_was_written_is_read(lines: dict[int, bytes], warnings: list[str], total: int, seconds: float) -> None:
    kept = KeptPages(total, tuple(warnings), seconds, lines)
    assert KeptPages.from_bytes(kept.to_bytes()) == kept


FIELDS = json.dumps(LINE_FIELDS).encode()


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
        b"[" * 100_000,
        b'{"total": 2, "warnings": [], "numbers": [1, 1]}\nx\ny',
        b'{"total": 0, "warnings": [], "numbers": []}',
        b'{"total": -5, "warnings": [], "numbers": []}',
    ],
    ids=range(16),
)
def test_anything_else_is_refused(data: bytes) -> None:
    for fields in (b"", b'"fields": ' + FIELDS + b', "seconds": 1, '):
        with pytest.raises(ValueError):
            KeptPages.from_bytes(data.replace(b"{", b"{" + fields, 1))


@pytest.mark.parametrize("seconds", [b"-1", b"1e999", b"NaN", b'"long"', b"null"], ids=range(5))
def test_a_time_that_makes_no_sense_is_refused(seconds: bytes) -> None:
    fine = KeptPages(2, (), 1.5, {1: b"{}"}).to_bytes()
    assert KeptPages.from_bytes(fine).seconds == 1.5
    with pytest.raises(ValueError):
        KeptPages.from_bytes(fine.replace(b"1.5", seconds))


def test_pages_of_a_version_that_wrote_them_otherwise_are_refused() -> None:
    """An upgrade in the middle of a document: its assembly could make nothing of them."""
    kept = KeptPages(2, (), 1.0, {1: PageContent(1, 1.0, 1.0, "text").to_line()})
    head, line = kept.to_bytes().split(b"\n")
    for name in (b"elements", b"caption_of", b"title"):
        assert name in head
        with pytest.raises(ValueError, match="another version"):
            KeptPages.from_bytes(head.replace(name, b"renamed") + b"\n" + line)
