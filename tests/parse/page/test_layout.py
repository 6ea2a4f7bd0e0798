from __future__ import annotations

import pymupdf
import pytest

from docpipe.parse.page.layout import Region, elements, tables
from docpipe.parse.page.rulings import rulings
from docpipe.parse.page.words import Word


def word(text: str, left: float, top: float, *, block: int = 0, line: int = 0, size: float = 10.0) -> Word:
    return Word(text, (left, top, left + 6 * len(text), top + 10), block, line, size, bold=False)


def test_a_word_goes_to_the_smallest_region_that_holds_it() -> None:
    large, small = Region("text", (0, 0, 500, 400)), Region("caption", (0, 100, 300, 115))
    found = elements([large, small], [word("outside", 10, 20), word("caption", 10, 102, block=1)], 600, 800)
    assert {(one.label, one.text) for one in found} == {("text", "outside"), ("caption", "caption")}


def test_words_outside_every_region_are_kept() -> None:
    found = elements(
        [Region("text", (0, 0, 100, 100))], [word("in", 10, 10), word("lost", 400, 500, block=3), word("too", 440, 500, block=3)], 600, 800
    )
    assert {one.text for one in found} == {"in", "lost too"}


def test_cells_of_a_table() -> None:
    table = Region("table", (0, 0, 200, 60), rows=(0, 20, 40, 60), columns=(0, 100, 200))
    words = [
        word("a", 10, 5),
        word("b", 110, 5, block=1),
        word("c", 10, 45, block=2),
        word("d", 130, 45, block=3),
        word("e", 130, 50, block=3, line=1),
    ]
    (found,) = elements([table], words, 600, 800)
    assert found.rows == (("a", "b"), ("c", "d e"))


def test_a_table_with_one_cell_is_text() -> None:
    table = Region("table", (0, 0, 200, 60), rows=(0, 60), columns=(0, 200))
    (found,) = elements([table], [word("alone", 10, 5)], 600, 800)
    assert (found.label, found.text) == ("text", "alone")


def test_text_in_a_picture_stays_at_the_level_of_the_body() -> None:
    found = elements([Region("picture", (0, 0, 300, 300))], [word("axis", 10, 10)], 600, 800)
    assert [(one.label, one.text) for one in found] == [("picture", ""), ("text", "axis")]


def test_a_caption_knows_its_picture() -> None:
    regions = [Region("caption", (0, 310, 300, 325)), Region("picture", (0, 0, 300, 300))]
    found = elements(regions, [word("Figure", 10, 312)], 600, 800)
    (caption,) = [one for one in found if one.label == "caption"]
    assert found[caption.caption_of].label == "picture"


def test_bullets_are_no_part_of_a_list_item() -> None:
    (found,) = elements([Region("list_item", (0, 0, 300, 20))], [word("\u2022", 5, 5), word("first", 20, 5)], 600, 800)
    assert found.text == "first"


@pytest.mark.parametrize(("second_left", "count"), [(50, 1), (70, 2)])
def test_tables_that_are_drawn_apart_with_edges_of_their_own_are_two(second_left: int, count: int) -> None:
    with pymupdf.open() as document:
        page = document.new_page()
        for first_left, tops in ((50, (100, 120)), (second_left, (200, 220))):
            for top in tops:
                page.draw_rect(pymupdf.Rect(first_left, top, 150, top + 20))
                page.draw_rect(pymupdf.Rect(150, top, 250, top + 20))
        drawn = rulings(page)
    seen = Region("table", (50, 90, 250, 240), (90, 100, 120, 140, 200, 220, 240), (50, 150, 250), drawn)
    found = tables(seen)
    assert len(found) == count
    if count == 2:
        assert [(one.box[1], one.rows[1:-1], one.columns[1:-1]) for one in found] == [(100, (120,), (150,)), (200, (220,), (150,))]
