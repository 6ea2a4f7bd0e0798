from __future__ import annotations

from pathlib import Path

import pytest

from docpipe.errors import ParseFailed
from docpipe.models import ParsedDocument
from docpipe.parse.formats import CSV, TSV
from docpipe.parse.office import row_tables
from docpipe.parse.text.delimited import delimiter_of, read


def tables(path: Path, media_type: str = CSV) -> list[list[list[str]]]:
    _, data = read(str(path), path.name, media_type)
    return [[[cell.text for cell in row] for row in table.data.grid] for table in ParsedDocument.from_bytes(data).document.tables]


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [("a,b\n1,2\n", ","), ("a;b\n1,5;2\n3,5;4\n", ";"), ("a\tb\n1\t2\n", "\t"), ("a|b|c\n1|2|3\n", "|"), ("only\none\n", ","), ("", ",")],
)
def test_delimiter(text: str, delimiter: str) -> None:
    assert delimiter_of(text) == delimiter


def test_quoted_fields_and_blank_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('name,note\n"Doe, Jane","two\nlines"\n\n,\nRoe,"say ""hi"""\n')
    assert tables(path) == [[["name", "note"], ["Doe, Jane", "two\nlines"], ["Roe", 'say "hi"']]]


@pytest.mark.parametrize(("rows", "expected"), [(0, [1]), (1, [2]), (200, [201]), (201, [201, 2]), (400, [201, 201])])
def test_the_header_stands_in_every_table(tmp_path: Path, rows: int, expected: list[int]) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id,value\n" + "".join(f"{number},v{number}\n" for number in range(rows)))
    found = tables(path)
    assert [len(table) for table in found] == expected
    assert all(table[0] == ["id", "value"] for table in found)
    assert [row[0] for table in found for row in table[1:]] == [str(number) for number in range(rows)]


def test_rows_of_a_huge_file_become_one_cell_each(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_text("a\tb\tc\n" + "1\t2\t3\n" * 80_000)
    found = tables(path, TSV)
    assert found[0][:2] == [["a | b | c"], ["1 | 2 | 3"]]
    assert sum(len(table) - 1 for table in found) == 80_000


def test_characters_are_counted_once(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("ab,cd\n1,2\n")
    counts, _ = read(str(path), path.name, CSV)
    assert counts == {"counts": {"pages": 1, "characters": 6}}


def test_an_empty_file_has_no_table(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("\n\n")
    assert tables(path) == []


def test_a_field_without_end_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('a,b\n"' + "x" * 11_000_000)
    with pytest.raises(ParseFailed, match="not a table"):
        tables(path)


def test_a_header_that_is_too_wide_to_be_repeated_for_ever_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_tables, "MAX_CELLS", 100)
    path = tmp_path / "wide.csv"
    path.write_text(",".join(f"column {number}" for number in range(40)) + "\n" + "x\n" * 1_000)
    _, data = read(str(path), "wide.csv", CSV)
    found = ParsedDocument.from_bytes(data).document.tables
    assert [sum(cell.column_header for cell in table.data.table_cells) for table in found] == [40, 40, 0, 0, 0]
    assert [table.data.num_rows for table in found] == [201, 201, 200, 200, 200]


def test_a_ragged_table_takes_no_more_than_its_cells(tmp_path: Path) -> None:
    path = tmp_path / "ragged.csv"
    path.write_text(",".join("ab" for _ in range(1_000)) + "\n" + "x\n" * 150)
    _, data = read(str(path), "ragged.csv", CSV)
    assert len(data) < 500_000
    assert ParsedDocument.from_bytes(data).document.tables[0].data.grid[150][999].text == ""
