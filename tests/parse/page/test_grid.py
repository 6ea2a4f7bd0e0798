from __future__ import annotations

from collections.abc import Sequence

import pymupdf
import pytest

from docpipe.parse.page.grid import Cells, cells
from docpipe.parse.page.page_text import PageText
from docpipe.parse.page.rulings import Ruling, Rulings, rulings
from docpipe.parse.page.words import Word, words

LEFT, TOP, WIDTH, HEIGHT = 60.0, 100.0, 100.0, 20.0
Span = tuple[int, int, int, int]


def drawn(texts: Sequence[Sequence[str]], spans: Sequence[Span] = (), *, boxes: bool = True, bold: int = 0) -> tuple[list[Word], Rulings]:
    """A table as a PDF has it: the words and the lines of its cells."""
    sizes = {(row, column): (tall, wide) for row, column, tall, wide in spans}
    covered = {(row + down, column + right) for row, column, tall, wide in spans for down in range(tall) for right in range(wide)}
    with pymupdf.open() as document:
        page = document.new_page()
        for row, line in enumerate(texts):
            for column, text in enumerate(line):
                if (row, column) in covered - sizes.keys():
                    continue
                tall, wide = sizes.get((row, column), (1, 1))
                left, top = LEFT + WIDTH * column, TOP + HEIGHT * row
                box = (left, top, left + WIDTH * wide, top + HEIGHT * tall)
                if boxes:
                    page.draw_rect(box, width=0.7)
                font = "hebo" if row < bold else "helv"
                length = pymupdf.get_text_length(text, fontname=font, fontsize=10)
                at = (box[0] + box[2] - length) / 2 if wide > 1 else left + 4
                page.insert_text((at, (top + box[3]) / 2 + 3.5), text, fontsize=10, fontname=font)
        with pymupdf.open(stream=document.tobytes(), filetype="pdf") as saved:
            return words(PageText(saved[0])), rulings(saved[0])


def borders(count: int, start: float, step: float) -> list[float]:
    return [start + step * number for number in range(count + 1)]


def read(texts: Sequence[Sequence[str]], spans: Sequence[Span] = (), *, boxes: bool = True, bold: int = 0) -> Cells:
    found = cells(
        drawn(texts, spans, boxes=boxes, bold=bold)[0],
        borders(len(texts), TOP, HEIGHT),
        borders(len(texts[0]), LEFT, WIDTH),
        drawn(texts, spans, boxes=boxes, bold=bold)[1],
    )
    assert found
    return found


MERGED = (
    ("Region", "2023", "", "Total"),
    ("", "Q1", "Q2", ""),
    ("North", "1,200", "1,310", "2,510"),
    ("South", "900", "870", "1,770"),
    ("", "40", "50", "90"),
)
SPANS = ((0, 0, 2, 1), (0, 1, 1, 2), (0, 3, 2, 1), (3, 0, 2, 1))


def test_lines_that_are_missing_between_cells_merge_them() -> None:
    found = read(MERGED, SPANS)
    assert (found.rows, found.spans, found.header_rows) == (MERGED, SPANS, 2)


def test_lines_count_before_what_the_model_sees() -> None:
    held, lines = drawn(MERGED, SPANS)
    found = cells(held, [TOP, TOP + 30, TOP + 100], [LEFT, LEFT + 150, LEFT + 400], lines)
    assert found
    assert found.rows == MERGED


def test_without_lines_the_model_counts_and_a_phrase_over_a_border_merges() -> None:
    texts = (("Results of both halves together", "", "Sum"), ("first", "second", ""), ("12", "13", "25"), ("1", "2", "3"))
    found = read(texts, [(0, 0, 1, 2)], boxes=False)
    assert found.rows == texts
    assert found.spans == ((0, 0, 1, 2),)
    assert found.header_rows == 2


def test_names_of_groups_of_columns_are_a_row_of_their_own() -> None:
    held, _ = drawn(MERGED, SPANS, boxes=False)
    found = cells(held, [TOP, *borders(3, TOP + 2 * HEIGHT, HEIGHT)], borders(4, LEFT, WIDTH), Rulings())
    assert found
    assert found.rows[:3] == MERGED[:3]
    assert found.spans == SPANS[:3]
    assert found.header_rows == 2


def test_rows_are_never_merged_for_want_of_lines() -> None:
    texts = tuple((f"row {number}", f"{number}") for number in range(6))
    held, _ = drawn(texts, boxes=False)
    frame = Rulings(
        (Ruling(TOP, ((LEFT, LEFT + 200),)), Ruling(TOP + HEIGHT, ((LEFT, LEFT + 200),)), Ruling(TOP + 120, ((LEFT, LEFT + 200),))),
        (Ruling(LEFT, ((TOP, TOP + 120),)), Ruling(LEFT + 200, ((TOP, TOP + 120),))),
    )
    found = cells(held, borders(6, TOP, HEIGHT), borders(2, LEFT, WIDTH), frame)
    assert found
    assert found.rows == texts


def test_a_line_below_words_underlines_them() -> None:
    texts = (("Name", "Tons"), ("Aurora", "420"))
    held, _ = drawn(texts, boxes=False)
    (word,) = [word for word in held if word.text == "Aurora"]
    under = Rulings((Ruling(word.box[3] - 2, ((word.box[0], word.box[2]),)),))
    found = cells(held, borders(2, TOP, HEIGHT), borders(2, LEFT, WIDTH), under)
    assert found
    assert found.rows == texts


def test_the_boxes_of_a_form_are_no_columns() -> None:
    texts = (("Name", "City"), ("Jane", "Bergen"))
    held, lines = drawn(texts)
    teeth = tuple(Ruling(LEFT + 5 * number, ((TOP, TOP + 40),)) for number in range(1, 40))
    found = cells(held, borders(2, TOP, HEIGHT), borders(2, LEFT, WIDTH), Rulings(lines.level, teeth))
    assert found
    assert found.rows == texts


@pytest.mark.parametrize(
    ("texts", "bold", "expected"),
    [
        ((("Name", "Tons"), ("Aurora", "420")), 0, 1),
        ((("Name", "Tons"), ("in full", "metric"), ("Aurora", "420")), 2, 2),
        ((("07/01/2015", "420"), ("07/02/2015", "421"), ("07/03/2015", "95")), 0, 0),
        ((("Port", "2019", "2020"), ("Bergen", "12", "13")), 0, 1),
    ],
)
def test_header_rows(texts: Sequence[Sequence[str]], bold: int, expected: int) -> None:
    assert read(texts, bold=bold).header_rows == expected


def test_dots_that_lead_to_a_page_number_are_no_text() -> None:
    assert read((("1 Introduction . . . . .", "7"), ("2 Method ........", "12"))).rows == (("1 Introduction", "7"), ("2 Method", "12"))


def test_one_cell_is_no_table() -> None:
    held, lines = drawn((("alone",),))
    assert cells(held, [TOP, TOP + 20], [LEFT, LEFT + 100], lines) is None
    assert cells([], [0, 1], [0, 1], lines) is None


def test_a_page_that_is_one_drawing_has_no_lines() -> None:
    with pymupdf.open() as document:
        page = document.new_page()
        page.draw_line((10, 10), (100, 10))
        assert len(rulings(page).level) == 1
        document.update_stream(page.get_contents()[0], b"0 0 m 1 1 l S\n" * 300_000)
        assert rulings(page) == Rulings()


def test_tables_of_scripts_from_right_to_left_begin_at_the_right() -> None:
    def word(text: str, column: int, row: int, columns: int = 1) -> Word:
        left = LEFT + WIDTH * column + 4
        box = (left, TOP + HEIGHT * row + 4, left + WIDTH * columns - 8, TOP + HEIGHT * row + 14)
        return Word(text, box, 10 * row + column, 0, 10.0, bold=False)

    held = [word("שם", 1, 0), word("עיר", 0, 0), word("רחל", 1, 1), word("חיפה", 0, 1), word("סיכום", 0, 2, 2)]
    found = cells(held, borders(3, TOP, HEIGHT), borders(2, LEFT, WIDTH), Rulings())
    assert found
    assert found.rows == (("שם", "עיר"), ("רחל", "חיפה"), ("סיכום", ""))
    assert found.spans == ((2, 0, 1, 2),)


def test_squares_to_be_ticked_are_no_lines_of_a_table() -> None:
    with pymupdf.open() as document:
        page = document.new_page()
        page.draw_rect(pymupdf.Rect(100, 100, 300, 140))
        page.draw_rect(pymupdf.Rect(150, 110, 161, 121))
        found = rulings(page)
    assert [round(line.place) for line in found.level] == [100, 140]
    assert [round(line.place) for line in found.upright] == [100, 300]


def test_lines_that_meet_are_a_grid() -> None:
    with pymupdf.open() as document:
        page = document.new_page()
        for top in (100, 120, 300, 320):
            for left in (50, 150):
                page.draw_rect(pymupdf.Rect(left, top, left + 100, top + 20))
        page.draw_rect(pymupdf.Rect(50, 500, 250, 600))
        found = rulings(page).grids()
    assert [tuple(map(round, box)) for box in found] == [(50, 100, 250, 140), (50, 300, 250, 340)]
