"""Plain text: paragraphs, in time linear in the size of the file."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

from docpipe.isolate import Answer
from docpipe.models import Page, ParsedDocument
from docpipe.parse.origin import origin
from docpipe.parse.page.element import clean
from docpipe.parse.text.decoding import decode

_BLANK_LINES = re.compile(r"\n[^\S\n]*\n\s*")
_MAX_ITEMS = 20_000
"""Docling keeps 2.6 KB for an item, as measured on 20,000; a million paragraphs would not fit into a worker."""
_MAX_PARAGRAPH = 20_000


def read(path: str, name: str, media_type: str) -> Answer:
    """The bytes of a `ParsedDocument` with one text item a paragraph; the dict holds its counts."""
    from docling_core.types.doc.document import DoclingDocument
    from docling_core.types.doc.labels import DocItemLabel

    start = time.perf_counter()
    text = clean(decode(Path(path).read_bytes()))
    document = DoclingDocument(name=name, origin=origin(name, media_type, Path(path)))
    characters = 0
    for paragraph in _merged(_paragraphs(text), len(text) // _MAX_ITEMS):
        document.add_text(DocItemLabel.TEXT, paragraph)
        characters += len(paragraph)
    page = Page(number=1, route="plain", characters=characters, seconds=round(time.perf_counter() - start, 4))
    parsed = ParsedDocument(document, (page,))
    return {"counts": parsed.counts}, parsed.to_bytes()


def _paragraphs(text: str) -> Iterator[str]:
    """What stands between blank lines; what is longer than `_MAX_PARAGRAPH` is divided at a line end or a space."""
    position = 0
    while position < len(text):
        blank = _BLANK_LINES.search(text, position, position + _MAX_PARAGRAPH)
        if blank:
            end, after = blank.span()
        elif len(text) - position <= _MAX_PARAGRAPH:
            end = after = len(text)
        else:
            limit = position + _MAX_PARAGRAPH
            end = max(text.rfind("\n", position + 1, limit), text.rfind(" ", limit - 200, limit))
            end = after = end if end > position else limit
        paragraph = text[position:end].strip()
        if paragraph:
            yield paragraph
        position = after


def _merged(paragraphs: Iterator[str], least: int) -> Iterator[str]:
    """Join neighbours until each has `least` characters, so that a huge text stays within `_MAX_ITEMS` items."""
    held: list[str] = []
    size = 0
    for paragraph in paragraphs:
        held.append(paragraph)
        size += len(paragraph)
        if size >= least:
            yield "\n\n".join(held)
            held, size = [], 0
    if held:
        yield "\n\n".join(held)
