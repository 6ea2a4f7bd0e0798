"""Rows of a docling table, without the positions that its spans repeat."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from docling_core.types.doc.items.table.table_data import TableCell

Rows = tuple[tuple[str, ...], ...]

CELL_END = " | "
_SPARSE = 10
"""A table with more than this many positions for each filled cell is written without its empty positions."""


def table_rows(cells: Sequence[TableCell], text_of: Callable[[TableCell], str]) -> tuple[Rows, Rows]:
    """Header rows and body rows of a table, in time and size linear in its cells, whatever its spans and offsets claim.

    A cell that spans rows is repeated in each of them, so that every row can be read alone, while the repetition does
    not double the table's text. Positions that no cell fills are empty; columns that no cell fills are left out.
    """
    rows: dict[int, dict[int, str]] = {}
    header: set[int] = set()
    spans: list[tuple[int, int, int, str]] = []
    filled = 0
    characters = 0
    for cell in cells:
        text = " ".join(text_of(cell).split())
        row, column = cell.start_row_offset_idx, cell.start_col_offset_idx
        line = rows.setdefault(row, {})
        if cell.column_header:
            header.add(row)
        if not text:
            continue
        line[column] = f"{line[column]} {text}" if column in line else text
        filled += 1
        characters += len(text) + 1
        if cell.end_row_offset_idx > row + 1 and not cell.column_header:
            spans.append((row + 1, cell.end_row_offset_idx, column, text))
    _repeat(rows, spans, characters)
    columns = sorted({column for line in rows.values() for column in line})
    compact = len(rows) * len(columns) > _SPARSE * filled
    order = sorted(row for row, line in rows.items() if line)
    top = 0
    while top < len(order) and order[top] in header:
        top += 1
    # A table that is nothing but header rows has one header and a body.
    top = top if top < len(order) else min(top, 1)
    lines = tuple(tuple(rows[row][column] for column in sorted(rows[row])) if compact else _line(rows[row], columns) for row in order)
    return lines[:top], lines[top:]


def row_text(cells: Sequence[str]) -> str:
    """One row as people and models read it: `a | b | c`."""
    return CELL_END.join(cells)


def _line(row: dict[int, str], columns: Sequence[int]) -> tuple[str, ...]:
    line = [row.get(column, "") for column in columns]
    while len(line) > 1 and not line[-1]:
        line.pop()
    return tuple(line)


def _repeat(rows: dict[int, dict[int, str]], spans: Sequence[tuple[int, int, int, str]], characters: int) -> None:
    for start, end, column, text in spans:
        for row in range(start, end):
            characters -= len(text) + 1
            if characters < 0:
                return
            if row in rows:
                rows[row].setdefault(column, text)
