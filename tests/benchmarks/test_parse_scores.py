from dataclasses import replace

import pytest

from benchmarks.parse_blocks import Block, Blocks, Cell, Knowledge
from benchmarks.parse_scores import Score, score

FIRST = "The turbine stands on a hill above the harbour, where the wind blows from the west for most of the year and never stops."
SECOND = "Every station reports its output once an hour, and the office compares the sums with what the grid has taken in."
THIRD = "What is left over goes into the batteries, as long as there is room; after that the blades are turned out of the wind."
CELLS = tuple(Cell(row, column, f"value {row} {column}") for row in range(3) for column in range(3))
TRUTH: Blocks = (
    Block("heading", "Wind and storage", 1),
    Block("text", FIRST),
    Block("heading", "Reports", 2),
    Block("text", SECOND),
    Block("table", cells=CELLS),
    Block("text", THIRD),
)


def shares(one: Score) -> tuple[float | None, ...]:
    return tuple(tally.share for tally in (one.text, one.order, one.headings, one.tables, one.structure))


def test_the_truth_scores_one_in_everything() -> None:
    assert shares(score(TRUTH, TRUTH)) == (1.0,) * 5
    assert score(TRUTH, TRUTH).quality == 1.0


def test_nothing_read_scores_zero() -> None:
    assert shares(score(TRUTH, ())) == (0.0,) * 5


def test_white_space_list_markers_and_the_place_of_footnotes_do_not_count() -> None:
    note = Block("footnote", "1 By the clock of the port.")
    found = (note, *(replace(block, text=block.text.replace(" ", "\n")) for block in TRUTH))
    assert shares(score((*TRUTH, note), found)) == (1.0,) * 5
    assert score((Block("text", "apples"),), (Block("text", "• apples"),)).text.share == 1.0


def test_paragraphs_in_the_wrong_order_cost_order() -> None:
    swapped = (TRUTH[0], TRUTH[5], TRUTH[2], TRUTH[3], TRUTH[4], TRUTH[1])
    found = score(TRUTH, swapped)
    # Of 15 pairs of the three paragraphs' beginnings and ends, those within a paragraph alone are in order.
    assert found.order.share == pytest.approx(3 / 15)
    assert (found.text.share or 0) < 0.8


def test_columns_read_across_cost_order_though_no_paragraph_is_misplaced_as_a_whole() -> None:
    left, right = FIRST.split(), SECOND.split()
    across = " ".join(word for pair in zip(left, right, strict=False) for word in pair)
    found = score((Block("text", FIRST), Block("text", SECOND)), (Block("text", across),))
    assert (found.order.share or 0) < 0.5


def test_a_misread_letter_does_not_cost_order() -> None:
    found = score(TRUTH, tuple(replace(block, text=block.text.replace("w", "vv")) for block in TRUTH))
    assert found.order.share == 1.0
    assert 0.95 < (found.text.share or 0) < 1.0


def test_headings_are_compared_by_the_tree_that_their_levels_span() -> None:
    deeper = tuple(replace(block, level=block.level + 3) for block in TRUTH)
    flat = tuple(replace(block, level=1) for block in TRUTH)
    assert score(TRUTH, deeper).headings.share == 1.0
    assert score(TRUTH, flat).headings.share == 0.5
    assert score(TRUTH, flat, Knowledge.NO_LEVELS).headings.share == 1.0


def test_a_transcript_tells_nothing_of_headings_and_tables() -> None:
    found = score((Block("text", FIRST), Block("text", SECOND)), (Block("heading", FIRST, 1), Block("text", SECOND)), Knowledge.TEXT)
    assert shares(found) == (1.0, 1.0, None, None, None)


def test_false_and_missing_headings_both_cost() -> None:
    false = (*TRUTH, Block("heading", "No heading at all", 2))
    missing = tuple(block for block in TRUTH if block.text != "Reports")
    assert score(TRUTH, false).headings.share == pytest.approx(4 / 5)
    assert score(TRUTH, missing).headings.share == pytest.approx(2 / 3)


def test_a_document_without_headings_and_tables_has_no_score_for_them() -> None:
    plain = (Block("text", FIRST), Block("text", SECOND))
    found = score(plain, plain)
    assert found.headings.share is None
    assert found.tables.share is None
    assert found.quality == 1.0


def test_a_table_that_is_not_there_costs_the_others() -> None:
    assert score(TRUTH, (*TRUTH, Block("table", cells=CELLS[:2]))).tables.share == pytest.approx(0.5)


def test_scores_of_documents_add_up() -> None:
    both = score(TRUTH, TRUTH) + score(TRUTH, ())
    assert both.text.share == 0.5
    assert both.tables.share == 0.5
    # Counts, not means: the document in which nothing was found has no false headings.
    assert both.headings.share == pytest.approx(2 / 3)
