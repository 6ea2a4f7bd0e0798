"""Small parsed documents, written by the tests themselves."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from docling_core.types.doc.base import BoundingBox, CoordOrigin, Size
from docling_core.types.doc.common.reference import ProvenanceItem
from docling_core.types.doc.document import DoclingDocument
from docling_core.types.doc.items.table.table_data import TableCell, TableData
from docling_core.types.doc.labels import DocItemLabel
from tokenizers import Tokenizer

from docpipe.chunk.chunker import Chunker
from docpipe.embed.model import EmbeddingModel, find_model
from docpipe.models import ChunkedDocument, Page, ParsedDocument
from docpipe.settings import load_settings

LOREM = "The committee met again in March and looked at every figure of the past year. "


@cache
def minilm() -> EmbeddingModel:
    return find_model(load_settings())


def tokenizer() -> Tokenizer:
    return minilm().tokenizer()


def chunk(document: DoclingDocument, budget: int = 254, overlap: int = 50, pages: Sequence[Page] = ()) -> ChunkedDocument:
    return Chunker(tokenizer(), budget, overlap).chunk(ParsedDocument(document, tuple(pages)))


def paragraphs(*texts: str) -> DoclingDocument:
    document = DoclingDocument(name="test")
    for text in texts:
        document.add_text(DocItemLabel.TEXT, text)
    return document


def table(rows: Sequence[Sequence[str]], header: bool = True) -> TableData:
    cells = [
        TableCell(
            text=text,
            start_row_offset_idx=row,
            end_row_offset_idx=row + 1,
            start_col_offset_idx=column,
            end_col_offset_idx=column + 1,
            column_header=header and row == 0,
        )
        for row, line in enumerate(rows)
        for column, text in enumerate(line)
    ]
    return TableData(table_cells=cells, num_rows=len(rows), num_cols=max(map(len, rows), default=0))


def place(page: int, left: float, top: float, right: float, bottom: float, span: tuple[int, int] = (0, 0)) -> ProvenanceItem:
    box = BoundingBox(l=left, t=top, r=right, b=bottom, coord_origin=CoordOrigin.TOPLEFT)
    return ProvenanceItem(page_no=page, bbox=box, charspan=span)


def report() -> tuple[DoclingDocument, tuple[Page, ...]]:
    """A title, sections, a list, a table with a caption, a long paragraph over two pages, and furniture."""
    document = DoclingDocument(name="report")
    for number in (1, 2):
        document.add_page(page_no=number, size=Size(width=600, height=800))
    document.add_text(DocItemLabel.PAGE_HEADER, "Confidential", prov=place(1, 0, 0, 600, 20))
    document.texts[0].content_layer = type(document.texts[0].content_layer).FURNITURE
    document.add_title("Annual report", prov=place(1, 50, 40, 300, 60))
    document.add_heading("Results", level=1, prov=place(1, 50, 80, 300, 95))
    document.add_text(DocItemLabel.TEXT, "Sales rose in every region.", prov=place(1, 50, 100, 550, 120))
    items = document.add_list_group()
    document.add_list_item("North: plus 4 per cent", parent=items, prov=place(1, 60, 130, 550, 140))
    document.add_list_item("South: plus 7 per cent", parent=items, enumerated=True, marker="2.", prov=place(1, 60, 145, 550, 155))
    caption = document.add_text(DocItemLabel.CAPTION, "Table 1: Sales by region", prov=place(1, 50, 160, 550, 170))
    rows = [["Region", "Sales"], ["North", "EUR 1,200"], ["South", "EUR 900"]]
    document.add_table(table(rows), caption=caption, prov=place(1, 50, 175, 550, 260))
    document.add_heading("Outlook", level=2, prov=place(1, 50, 280, 300, 295))
    text = (LOREM * 24).strip()
    outlook = document.add_text(DocItemLabel.TEXT, text, prov=place(1, 50, 300, 550, 780, (0, 900)))
    outlook.prov.append(place(2, 50, 40, 550, 400, (900, len(text))))
    document.add_heading("Appendix", level=1, prov=place(2, 50, 420, 300, 435))
    pages = tuple(Page(number=number, width=600, height=800, route="layout") for number in (1, 2))
    return document, pages
