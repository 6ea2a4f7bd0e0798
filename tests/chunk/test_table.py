from __future__ import annotations

from docling_core.types.doc.items.table.table_data import TableCell

from docpipe.chunk.table import row_text, table_rows
from tests.chunk.documents import table


def cell(text: str, row: int, column: int, rows: int = 1, columns: int = 1, header: bool = False) -> TableCell:
    return TableCell(
        text=text,
        row_span=rows,
        col_span=columns,
        start_row_offset_idx=row,
        end_row_offset_idx=row + rows,
        start_col_offset_idx=column,
        end_col_offset_idx=column + columns,
        column_header=header,
    )


def text_of(one: TableCell) -> str:
    return one.text


def test_header_rows_are_those_at_the_top() -> None:
    header, rows = table_rows(table([["A", "B"], ["1", "2"]]).table_cells, text_of)
    assert (header, rows) == ((("A", "B"),), (("1", "2"),))
    assert table_rows(table([["A", "B"], ["1", "2"]], header=False).table_cells, text_of) == ((), (("A", "B"), ("1", "2")))


def test_a_table_of_header_rows_alone_keeps_one() -> None:
    cells = [cell("A", 0, 0, header=True), cell("B", 1, 0, header=True)]
    assert table_rows(cells, text_of) == ((("A",),), (("B",),))
    assert table_rows(cells[:1], text_of) == ((("A",),), ())


def test_blank_positions_keep_their_column_and_blank_columns_go() -> None:
    cells = [cell("A", 0, 0), cell("C", 0, 4), cell("", 0, 2), cell("x", 1, 4), cell("two\nlines", 2, 0)]
    _, rows = table_rows(cells, text_of)
    assert [row_text(row) for row in rows] == ["A | C", " | x", "two lines"]


def test_a_cell_over_rows_stands_in_each_of_them() -> None:
    cells = [cell("2024", 0, 0, rows=3), *(cell(f"quarter {row}", row, 1) for row in range(3))]
    assert table_rows(cells, text_of)[1] == (("2024", "quarter 0"), ("2024", "quarter 1"), ("2024", "quarter 2"))


def test_spans_that_claim_the_impossible_cost_nothing() -> None:
    cells = [cell("a", 0, 0, rows=10**9, columns=10**9), cell("b", 10**9, 10**9), cell("c", -5, 3)]
    assert table_rows(cells, text_of)[1] == (("", "c"), ("a",), ("", "", "b"))


def test_a_sparse_table_is_written_without_its_gaps() -> None:
    cells = [cell(f"v{number}", number, number) for number in range(2_000)]
    assert table_rows(cells, text_of)[1] == tuple((f"v{number}",) for number in range(2_000))


def test_two_cells_that_claim_one_position_are_both_kept() -> None:
    assert table_rows([cell("a", 0, 0), cell("b", 0, 0)], text_of)[1] == (("a b",),)
