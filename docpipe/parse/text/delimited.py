"""CSV and TSV: tables of a bounded number of rows, each with the header."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from docpipe.errors import ParseFailed
from docpipe.isolate import Answer
from docpipe.models import Page, ParsedDocument
from docpipe.parse.formats import TSV
from docpipe.parse.office.row_tables import MAX_CELLS, in_one_cell, row_tables
from docpipe.parse.origin import origin
from docpipe.parse.page.element import clean
from docpipe.parse.text.decoding import decode

_SAMPLE_LINES = 50
_DELIMITERS = ",;\t|"
_MAX_FIELD = 10 * 1024 * 1024


def read(path: str, name: str, media_type: str) -> Answer:
    """The bytes of a `ParsedDocument` with tables of 200 rows, the header repeated in each; the dict holds its counts."""
    from docling_core.types.doc.document import DoclingDocument

    start = time.perf_counter()
    text = clean(decode(Path(path).read_bytes()))
    delimiter = "\t" if media_type == TSV else delimiter_of(text)
    cells = text.count(delimiter) + text.count("\n") + 1
    rows = _rows(text, delimiter)
    document = DoclingDocument(name=name, origin=origin(name, media_type, Path(path)))
    characters = 0
    for number, data in enumerate(row_tables(rows if cells <= MAX_CELLS else in_one_cell(rows))):
        document.add_table(data=data)
        # The header counts once.
        characters += sum(len(cell.text) for cell in data.table_cells if number == 0 or not cell.column_header)
    page = Page(number=1, route="plain", characters=characters, seconds=round(time.perf_counter() - start, 4))
    parsed = ParsedDocument(document, (page,))
    return {"counts": parsed.counts}, parsed.to_bytes()


def delimiter_of(text: str) -> str:
    """The delimiter that divides the first lines into the most columns, equally many in most of them; else a comma."""
    lines = [line for line in islice(io.StringIO(text[: 256 * 1024]), _SAMPLE_LINES) if line.strip()]

    def consistency(delimiter: str) -> tuple[float, int]:
        counts = [line.count(delimiter) for line in lines]
        usual = max(set(counts), key=counts.count, default=0)
        return (counts.count(usual) / len(counts) if usual else 0.0, usual)

    return max(_DELIMITERS, key=consistency)


def _rows(text: str, delimiter: str) -> Iterator[list[str]]:
    csv.field_size_limit(_MAX_FIELD)
    try:
        for row in csv.reader(io.StringIO(text), delimiter=delimiter):
            fields = [field.strip() for field in row]
            if any(fields):
                yield fields
    except csv.Error as error:
        raise ParseFailed(f"not a table of values divided by {delimiter!r}: {error}") from error
