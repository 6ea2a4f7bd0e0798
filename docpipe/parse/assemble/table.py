"""Rows of text to docling's table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from docling_core.types.doc.items.table.table_data import TableData


def table_data(rows: Sequence[Sequence[str]], spans: Sequence[tuple[int, int, int, int]] = (), header_rows: int = 1) -> TableData:
    """One cell for each text, merged cells once; the first `header_rows` rows are the header.

    `spans` are row and column of merged cells, and how many rows and columns each takes.
    """
    from docling_core.types.doc.items.table.table_data import TableCell, TableData

    sizes = {(row, column): (tall, wide) for row, column, tall, wide in spans}
    covered = {(row + down, column + right) for row, column, tall, wide in spans for down in range(tall) for right in range(wide)}
    covered -= sizes.keys()
    cells = []
    for row, fields in enumerate(rows):
        for column, text in enumerate(fields):
            if (row, column) in covered:
                continue
            tall, wide = sizes.get((row, column), (1, 1))
            cell = TableCell(
                text=text,
                row_span=tall,
                col_span=wide,
                start_row_offset_idx=row,
                end_row_offset_idx=row + tall,
                start_col_offset_idx=column,
                end_col_offset_idx=column + wide,
                column_header=row < header_rows,
            )
            cells.append(cell)
    return TableData(num_rows=len(rows), num_cols=max(map(len, rows), default=0), table_cells=list(cells))
