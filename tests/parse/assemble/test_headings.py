from __future__ import annotations

from dataclasses import replace

from docpipe.parse.assemble.headings import with_levels
from docpipe.parse.page.element import Bookmark, Element, PageContent

BOX = (72.0, 100.0, 300.0, 112.0)


def levels(*elements: Element, bookmarks: tuple[Bookmark, ...] = ()) -> list[tuple[str, int]]:
    page = PageContent(1, 595.0, 842.0, "layout", elements=elements)
    (found,) = with_levels([replace(page, bookmarks=bookmarks)])
    return [(one.text, one.level) for one in found.elements if one.label == "section_header"]


def heading(text: str, size: float = 12.0, label: str = "section_header") -> Element:
    return Element(label, text, BOX, size, bold=True)


def test_numbers_count_from_the_level_of_their_chapters() -> None:
    found = levels(heading("A paper", 17), heading("Abstract"), heading("1 Introduction"), heading("1.1 Aims", 11), heading("2 Method"))
    assert found == [("A paper", 1), ("Abstract", 2), ("1 Introduction", 2), ("1.1 Aims", 3), ("2 Method", 2)]


def test_bookmarks_decide_and_teach_the_rest() -> None:
    bookmarks = (Bookmark(1, "PART I - Definitions", 1), Bookmark(2, "1. Interpretation", 1), Bookmark(3, "Terms of payment", 1))
    found = levels(
        heading("Part I \u2013 Definitions", 14),
        heading("Interpretation", 14),
        heading("Terms of payment", 11, "text"),
        heading("Not in the bookmarks", 11),
        bookmarks=bookmarks,
    )
    assert found == [("Part I \u2013 Definitions", 1), ("Interpretation", 2), ("Terms of payment", 3), ("Not in the bookmarks", 3)]


def test_a_bookmark_names_one_heading_and_no_paragraph() -> None:
    bookmarks = (Bookmark(1, "Results", 1), Bookmark(1, "Elsewhere", 2))
    found = levels(heading("Results", 11, "text"), heading("Results", 14), heading("Elsewhere", 11, "text"), bookmarks=bookmarks)
    assert found == [("Results", 1)]


def test_a_cover_that_the_bookmarks_pass_over_is_the_title() -> None:
    bookmarks = (Bookmark(1, "1 Letter", 1),)
    assert levels(heading("Annual Report", 24), heading("1 Letter", 17), bookmarks=bookmarks) == [("1 Letter", 1)]
    assert levels(heading("Contents", 17), heading("1 Letter", 17), bookmarks=bookmarks) == [("Contents", 1), ("1 Letter", 1)]
