"""Rows of text to docling's table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from docling_core.types.doc.items.table.table_data import TableData


def table_data(rows: Sequence[Sequence[str]]) -> TableData:
    """One cell for each text; the first row is the header."""
    from docling_core.types.doc.items.table.table_data import TableCell, TableData

    cells = [
        TableCell(
            text=text,
            start_row_offset_idx=row,
            end_row_offset_idx=row + 1,
            start_col_offset_idx=column,
            end_col_offset_idx=column + 1,
            column_header=row == 0,
        )
        for row, fields in enumerate(rows)
        for column, text in enumerate(fields)
    ]
    return TableData(num_rows=len(rows), num_cols=max(map(len, rows), default=0), table_cells=list(cells))
