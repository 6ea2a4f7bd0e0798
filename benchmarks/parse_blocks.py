"""A document as the quality benchmark compares it: what a reader found, and what is truly there, in the same form."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from docling_core.types.doc.document import DoclingDocument

_SPACE = re.compile(r"\s+")
_MARKER = re.compile(r"^(?:[\u2022\u25aa\u25e6\u2013\u00b7\u25cf-]|\(?\d{1,2}[.)])\s+")
_FURNITURE = frozenset({"page_header", "page_footer"})
_HEADINGS = frozenset({"title", "section_header"})


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table, its place counted from 0."""

    row: int
    column: int
    text: str
    rows: int = 1
    columns: int = 1


@dataclass(frozen=True, slots=True)
class Block:
    """One item of a document, in reading order."""

    kind: str
    """text, heading, footnote or table; lists, captions, code and formulas are text here."""
    text: str = ""
    level: int = 0
    """Of a heading, as its reader counts: only the tree that the levels span is compared, not the numbers."""
    cells: tuple[Cell, ...] = ()

    @property
    def stream(self) -> str:
        """Its text with single spaces; of a table, that of its cells row by row."""
        text = " ".join(cell.text for cell in self.cells) if self.cells else _MARKER.sub("", self.text)
        return _SPACE.sub(" ", text).strip()


Blocks = tuple[Block, ...]


class Knowledge(StrEnum):
    """How much the truth about a file says."""

    ALL = "all"
    NO_LEVELS = "no levels"
    """Which lines are headings, but not how deep: docling's reference conversions."""
    TEXT = "text"
    """Neither headings nor tables: a transcript."""


@dataclass(frozen=True, slots=True)
class Case:
    """A file and what is truly in it."""

    name: str
    group: str
    path: Path
    pages: int
    truth: Blocks
    knows: Knowledge = Knowledge.ALL


def stream(blocks: Sequence[Block]) -> str:
    """All text in reading order, footnotes last: where a reader puts them between the paragraphs is no error of its own."""
    ordered = sorted(blocks, key=lambda block: block.kind == "footnote")
    return " ".join(filter(None, (block.stream for block in ordered)))


def of_document(document: DoclingDocument) -> Blocks:
    """The blocks of a docling document, without its page headers and footers."""
    return tuple(_blocks(document))


def _blocks(document: DoclingDocument) -> Iterator[Block]:
    from docling_core.types.doc.items.table.table import TableItem
    from docling_core.types.doc.items.text import TextItem

    for item, _ in document.iterate_items(traverse_pictures=True):
        if isinstance(item, TableItem):
            yield Block("table", cells=_cells(item))
        elif isinstance(item, TextItem) and item.label.value not in _FURNITURE and item.text.strip():
            label = item.label.value
            level = 0 if label == "title" else int(getattr(item, "level", 1))
            kind = "heading" if label in _HEADINGS else "footnote" if label == "footnote" else "text"
            yield Block(kind, item.text, level)


def _cells(table: Any) -> tuple[Cell, ...]:
    return tuple(
        Cell(
            cell.start_row_offset_idx,
            cell.start_col_offset_idx,
            cell.text,
            cell.end_row_offset_idx - cell.start_row_offset_idx,
            cell.end_col_offset_idx - cell.start_col_offset_idx,
        )
        for cell in table.data.table_cells
    )
