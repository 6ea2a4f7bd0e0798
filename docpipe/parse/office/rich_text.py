"""RTF without LibreOffice: its text in paragraphs, its tables cell by cell.

By striprtf, which knows code pages, Unicode escapes and hidden groups, and has no dependencies. It gives text alone, each
row of a table as a line whose cells end with a bar; headings and footnotes take LibreOffice.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import TYPE_CHECKING

from docpipe.errors import ParseFailed
from docpipe.parse.assemble.table import table_data
from docpipe.parse.page.element import clean

if TYPE_CHECKING:
    from docling_core.types.doc.document import DoclingDocument

_CELL_END = "|"
_MAX_PARAGRAPHS = 100_000


def add_rich_text(document: DoclingDocument, data: bytes) -> None:
    """Add what the RTF file holds; raises `ParseFailed` where it holds nothing that can be read."""
    from docling_core.types.doc.labels import DocItemLabel
    from striprtf.striprtf import rtf_to_text

    try:
        # The file is ASCII; what is not, against its rules, is taken for what most writers on Windows mean by it.
        text: str = rtf_to_text(data.decode("cp1252", errors="replace"), errors="replace")
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError) as error:
        raise ParseFailed(f"cannot be read as RTF; open it in its program and save it again: {type(error).__name__}: {error}") from error
    count = 0
    for is_row, lines in groupby(_lines(clean(text)), lambda line: line.endswith(_CELL_END)):
        if is_row:
            document.add_table(data=table_data([[cell.strip() for cell in line[:-1].split(_CELL_END)] for line in lines]))
            continue
        for line in lines:
            count += 1
            if count > _MAX_PARAGRAPHS:
                raise ParseFailed(f"more than {_MAX_PARAGRAPHS:,} paragraphs: divide the document")
            document.add_text(DocItemLabel.TEXT, line)


def _lines(text: str) -> Iterator[str]:
    return filter(None, (line.strip() for line in text.split("\n")))
