from dataclasses import replace

import pytest
from rapidfuzz.distance import Levenshtein

from benchmarks.parse_blocks import Cell
from benchmarks.table_tree import similarity

GRID = tuple(Cell(row, column, f"{row}{column}") for row in range(3) for column in range(2))
NODES = 1 + 3 + 6


def test_a_table_is_like_itself_whatever_the_order_of_its_cells() -> None:
    assert similarity(GRID, GRID[::-1], Levenshtein.normalized_distance) == 1.0


def test_a_wrong_text_costs_its_distance() -> None:
    other = (replace(GRID[0], text="0X"), *GRID[1:])
    assert similarity(GRID, other, Levenshtein.normalized_distance) == pytest.approx(1 - 0.5 / NODES)
    assert similarity(GRID, other, None) == 1.0


def test_a_lost_row_costs_its_cells_and_itself() -> None:
    assert similarity(GRID, GRID[:4], None) == pytest.approx(1 - 3 / NODES)


def test_a_merged_cell_read_as_two_costs_one_change_and_one_insertion() -> None:
    merged = (Cell(0, 0, "00", columns=2), *GRID[2:])
    assert similarity(merged, GRID, None) == pytest.approx(1 - 2 / NODES)
