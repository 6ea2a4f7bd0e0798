"""A table as the samples use it: cells that may span rows and columns, in whatever format it ends up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cell:
    text: str
    columns: int = 1
    rows: int = 1


@dataclass(frozen=True, slots=True)
class Placed:
    """A cell at its place in the grid."""

    row: int
    column: int
    cell: Cell


Row = tuple[Cell | str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    caption: str
    widths: tuple[float, ...]
    """Shares of the whole width; they add up to 1."""
    header: tuple[Row, ...]
    body: tuple[Row, ...]
    long: bool = False
    """May be broken between pages; the header is then repeated."""
    text_columns: tuple[int, ...] = (0,)
    """Set from the left; the other columns hold numbers and are set from the right."""
    total: bool = False
    """The last row is a sum."""


def placed(rows: tuple[Row, ...]) -> Iterator[Placed]:
    """Every cell with its row and column, both from 0; cells flow around those that span rows."""
    taken: set[tuple[int, int]] = set()
    for row, cells in enumerate(rows):
        column = 0
        for entry in cells:
            cell = Cell(entry) if isinstance(entry, str) else entry
            while (row, column) in taken:
                column += 1
            taken.update((row + down, column + right) for down in range(cell.rows) for right in range(cell.columns))
            yield Placed(row, column, cell)
            column += cell.columns
