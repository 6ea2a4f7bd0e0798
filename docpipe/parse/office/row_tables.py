"""Long runs of rows as tables of a bounded size, each with the header."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice
from typing import TYPE_CHECKING

from docpipe.parse.assemble.table import table_data

if TYPE_CHECKING:
    from docling_core.types.doc.items.table.table_data import TableData

_ROWS = 200
"""Rows of one table, besides the header."""
MAX_CELLS = 200_000
"""Docling keeps 1.4 KB for a cell, as measured on 100,000; longer files get one cell a row, see `in_one_cell`."""


def row_tables(rows: Iterator[list[str]]) -> Iterator[TableData]:
    """Tables of 200 rows, the first row of all repeated as the header of each; a header alone is a table too.

    A header so wide that repeating it would take more than `MAX_CELLS` cells is repeated as long as it does not.
    """
    header = next(rows, None)
    if header is None:
        return
    first = next(rows, None)
    if first is None:
        yield table_data([header])
        return
    rows = chain([first], rows)
    repeated = 0
    while body := list(islice(rows, _ROWS)):
        repeats = repeated + len(header) <= MAX_CELLS or not repeated
        yield table_data([header, *body]) if repeats else table_data(body, header_rows=0)
        repeated += len(header)


def in_one_cell(rows: Iterator[list[str]]) -> Iterator[list[str]]:
    """Each row as one cell, its fields divided by ` | `."""
    return ([" | ".join(row)] for row in rows)
