from __future__ import annotations

import pytest

from docpipe.parse.assemble.furniture import marked
from docpipe.parse.page.element import Element, PageContent


def page(number: int, *elements: Element, route: str = "layout") -> PageContent:
    return PageContent(number, 595.0, 842.0, route, elements=elements)


def text(content: str, top: float, size: float = 11.0, label: str = "text") -> Element:
    return Element(label, content, (72.0, top, 300.0, top + size), size)


BODY = text("The body of the text goes on and on. " * 4, 300)


def labels(pages: list[PageContent]) -> list[list[str]]:
    return [[one.label for one in page.elements] for page in pages]


@pytest.mark.parametrize("label", ["text", "section_header", "block"])
def test_what_repeats_at_the_edge_is_furniture_for_every_reader(label: str) -> None:
    pages = [page(number, text("Annual report", 20, 9, label), BODY, text(f"- {number} -", 815, 9, label)) for number in range(1, 4)]
    assert labels(marked(pages)) == [["page_header", "text", "page_footer"]] * 3


def test_left_and_right_pages_may_differ() -> None:
    pages = [page(number, text(("Even", "Odd")[number % 2], 20, 9), BODY) for number in range(1, 8)]
    assert {labels[0] for labels in labels(marked(pages))} == {"page_header"}


def test_text_that_stands_elsewhere_or_seldom_is_no_furniture() -> None:
    pages = [page(number, text("Total", 20 + 12 * number, 9), BODY) for number in range(1, 4)] + [page(9, text("Total", 32, 9), BODY)]
    assert {labels[0] for labels in labels(marked(pages))} == {"text"}


def test_chapters_that_begin_at_the_top_of_their_pages_are_no_furniture() -> None:
    pages = [page(number, text(f"Chapter {number}", 90, 20, "section_header"), BODY) for number in range(1, 6)]
    assert {labels[0] for labels in labels(marked(pages))} == {"section_header"}


def test_within_a_wide_margin_the_model_says_on_one_page_what_holds_for_all() -> None:
    pages = [page(number, text("CONTENTS", 100, 9, "page_header" if number == 2 else "section_header"), BODY) for number in range(1, 4)]
    assert {labels[0] for labels in labels(marked(pages))} == {"page_header"}


@pytest.mark.parametrize("content", ["7", "Page 7 of 12", "- xii -", "7/12"])
def test_a_page_number_needs_no_repetition(content: str) -> None:
    assert labels(marked([page(7, BODY, text(content, 815, 9))])) == [["text", "page_footer"]]


def test_small_text_with_a_mark_at_the_foot_is_a_footnote() -> None:
    notes = [text("∗Equal contribution", 700, 9.0), text("1The code has been released.", 712, 9.0)]
    small = text("Without a mark it is only small.", 724, 9.0)
    (found,) = marked([page(1, BODY, *notes)])
    assert [one.label for one in found.elements] == ["text", "footnote", "footnote"]
    (found,) = marked([page(1, BODY, notes[1], text("Body text below it.", 740))])
    assert [one.label for one in found.elements] == ["text", "text", "text"]
    (found,) = marked([page(1, BODY, small)])
    assert [one.label for one in found.elements] == ["text", "text"]
