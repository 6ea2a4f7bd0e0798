"""Workbooks too large for docling: their rows alone, read as a stream."""

from __future__ import annotations

import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from datetime import datetime, time
from io import BytesIO
from typing import TYPE_CHECKING, Any

from docpipe.errors import LimitExceeded, ParseFailed
from docpipe.parse.office.row_tables import MAX_CELLS, in_one_cell, row_tables

if TYPE_CHECKING:
    from docling_core.types.doc.document import DoclingDocument

_LARGE = 12 * 1024 * 1024
"""Unpacked bytes of all sheets: docling took 28 s for 13 MB of them (100,000 cells)."""
_MOST = 256 * 1024 * 1024
"""Read at 1.7 MB a second, as measured on 26 MB, what is larger would take longer than any task may."""
_MAX_AREA = 2_000_000
"""Docling took 48 s for a sheet with one cell in the first corner and one in the last."""
_ROW = re.compile(rb'<row\b[^>]{0,200}?\br="(\d{1,7})"')
_COLUMN = re.compile(rb'<c r="([A-Z]{1,3})\d')
_LEAST_CELL = 30
"""Bytes that a cell takes in a sheet, less than Excel's own writer needs."""
_MIDNIGHT = time()


def are_large(data: bytes) -> bool:
    """Whether a workbook is to be read here: for its cells, or for the empty ones between them, which docling looks at too."""
    return _unpacked(data) > _LARGE or _area(data) > _MAX_AREA


def convert(data: bytes, name: str) -> tuple[DoclingDocument, tuple[str, ...]]:
    """The document, a page for each sheet, and warnings. Raises `ParseFailed`, `LimitExceeded`."""
    from docling_core.types.doc.base import BoundingBox, Size
    from docling_core.types.doc.common.reference import ProvenanceItem
    from docling_core.types.doc.document import DoclingDocument
    from docling_core.types.doc.labels import GroupLabel
    from openpyxl import load_workbook

    size = _unpacked(data)
    if size > _MOST:
        raise LimitExceeded(f"the sheets unpack to {size:,} bytes, more than {_MOST:,}: divide the workbook, or save its sheets as CSV")
    document = DoclingDocument(name=name)
    whole = size // _LEAST_CELL <= MAX_CELLS
    try:
        with warnings.catch_warnings():
            # About styles and extensions that openpyxl does not know: no reader needs them for the text.
            warnings.simplefilter("ignore")
            book: Any = load_workbook(BytesIO(data), read_only=True, data_only=True, keep_links=False)
            for number, sheet in enumerate(book.worksheets, 1):
                group = document.add_group(label=GroupLabel.SHEET, name=sheet.title)
                document.add_page(page_no=number, size=Size(width=0, height=0))
                place = ProvenanceItem(page_no=number, bbox=BoundingBox(l=0, t=0, r=0, b=0), charspan=(0, 0))
                rows = _rows(sheet)
                for table in row_tables(rows if whole else in_one_cell(rows)):
                    document.add_table(data=table, parent=group, prov=place)
            book.close()
    except MemoryError:
        raise
    except Exception as error:
        raise ParseFailed(f"cannot be read as Excel; open it in its program and save it again: {type(error).__name__}: {error}") from error
    return document, (
        "the workbook is large, or its cells far apart: its rows alone were read, without merged cells, comments and pictures",
    )


def _unpacked(data: bytes) -> int:
    try:
        with zipfile.ZipFile(BytesIO(data)) as container:
            return sum(entry.file_size for entry in container.infolist() if entry.filename.startswith("xl/worksheets/"))
    except (zipfile.BadZipFile, OSError, ValueError, OverflowError):
        return 0


def _area(data: bytes) -> int:
    """Cells of the largest rectangle from the first corner of a sheet to its last cell."""
    from openpyxl.utils import column_index_from_string

    largest = 0
    try:
        with zipfile.ZipFile(BytesIO(data)) as container:
            for name in container.namelist():
                if name.startswith("xl/worksheets/") and name.endswith(".xml"):
                    sheet = container.read(name)
                    columns = {column_index_from_string(letters.decode()) for letters in set(_COLUMN.findall(sheet))}
                    largest = max(largest, max(map(int, _ROW.findall(sheet)), default=0) * max(columns, default=0))
    except (zipfile.BadZipFile, zlib.error, OSError, ValueError, RuntimeError, OverflowError):
        # Damaged: the reader of the format says how.
        return largest
    return largest


def _rows(sheet: Any) -> Iterator[list[str]]:
    # What a file says about its size decides nothing: some say that a million empty rows follow.
    sheet.reset_dimensions()
    for row in sheet.iter_rows(values_only=True):
        fields = [_text(value) for value in row]
        while fields and not fields[-1]:
            fields.pop()
        if fields:
            yield fields


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime) and value.time() == _MIDNIGHT:
        return value.date().isoformat()
    return str(value).strip()
