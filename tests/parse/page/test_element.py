from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docpipe.parse.page.element import Element, PageContent, clean, join_lines, union


@pytest.mark.parametrize(
    ("lines", "joined"),
    [
        (["The har-", "bour office"], "The harbour office"),
        (["Saint-", "Malo"], "Saint- Malo"),
        (["1990-", "1995"], "1990- 1995"),
        (["soft\u00ad", "ware"], "software"),
        (["  one ", "", " two"], "one two"),
        ([], ""),
        (["-"], "-"),
    ],
)
def test_lines_become_a_paragraph(lines: list[str], joined: str) -> None:
    assert join_lines(lines) == joined


def test_what_no_font_shows_is_removed() -> None:
    assert clean("a\x00b\ud800c\x9f\ufffe\td\n") == "abc\td\n"


@given(st.text(alphabet=st.characters(codec=None)))
def test_clean_text_can_always_be_stored(text: str) -> None:
    clean(text).encode("utf-8")


def test_union() -> None:
    assert union([(1, 2, 3, 4), (0, 3, 2, 9)]) == (0, 2, 3, 9)


def test_a_page_survives_the_way_through_a_line() -> None:
    table = Element("table", "", (1.0, 2.0, 3.0, 4.0), rows=(("a", "b\nc"), ("ä", "")))
    page = PageContent(
        7, 595.0, 842.0, "layout", "why", (table, Element("caption", "Table 1", (0.0, 0.0, 1.0, 1.0), 9.5, True, caption_of=0)), 0.5
    )
    line = page.to_line()
    assert b"\n" not in line
    assert PageContent.from_line(line) == page
    assert page.characters == len("ab\ncä") + len("Table 1")
