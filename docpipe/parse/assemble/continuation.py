"""Paragraphs and tables that go on in the next column or on the next page, as one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from docpipe.parse.page.element import Element, PageContent, Rectangle, is_divided, join_lines

_ASIDE = frozenset({"page_header", "page_footer", "footnote", "caption", "picture", "note"})
"""Text goes on around these."""
_ENDS = re.compile("[.!?:;\u2026\u3002\uff01\uff1f\u061f\u06d4\u0964][\"'\u201d\u2019\u00bb)\\]\u300d]*$")
_LONG = 100
_LONGEST = 20_000
"""Characters of a paragraph; what is longer is none, and each page joined to it would cost more than the one before."""
_CONTINUED = re.compile(r"\bcont(?:inued|d|\.)|\bfortsetzung|\bsuite\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Part:
    """Where an item, or a piece of it, stands."""

    page: int
    box: Rectangle
    start: int = 0
    end: int = 0
    """The characters of the item's text that stand here."""


@dataclass(slots=True)
class Item:
    """An element with every place where it stands."""

    element: Element
    parts: tuple[Part, ...]
    indexes: tuple[int, ...]
    """Its index among the elements of the page of each part."""


def items(pages: Sequence[PageContent]) -> list[Item]:
    """The content of the pages in order, what goes on joined."""
    found: list[Item] = []
    text: Item | None = None
    flow: Item | None = None
    interrupted = False
    for page in pages:
        captioned = {one.caption_of for one in page.elements if one.caption_of >= 0 and not _CONTINUED.search(one.text)}
        for index, element in enumerate(page.elements):
            item = Item(element, (Part(page.number, element.box, 0, len(element.text)),), (index,))
            if element.label in _ASIDE:
                interrupted = interrupted or element.label in ("caption", "picture")
                found.append(item)
                continue
            if element.label == "table":
                interrupted = True
                if flow and index not in captioned and _table_goes_on(flow, element, page.number):
                    _add_rows(flow, item)
                    continue
            elif text and _text_goes_on(text, element, page.number, interrupted=interrupted):
                _add_text(text, item)
                flow, interrupted = text, False
                continue
            else:
                text, interrupted = (item if element.label in ("text", "list_item") else None), False
            flow = item
            found.append(item)
    return found


def _text_goes_on(text: Item, element: Element, page: int, *, interrupted: bool) -> bool:
    before, last = text.element, text.parts[-1]
    if len(before.text) > _LONGEST:
        return False
    if element.label != "text" or abs(before.size - element.size) > 0.6 or before.bold != element.bold or _ENDS.search(before.text):
        return False
    if page == last.page:
        # In the same column, only a figure or a table can have come between.
        beside = element.box[1] < last.box[3] and (element.box[0] >= last.box[2] - 2.0 or element.box[2] <= last.box[0] + 2.0)
        if not beside and not interrupted:
            return False
    elif page != last.page + 1:
        return False
    if is_divided(before.text, element.text) or element.text[0].islower():
        return True
    # Scripts without capitals: a paragraph that has no end goes on, on the next page.
    if page != last.page and _has_no_case(before.text[-1]) and _has_no_case(element.text[0]):
        return True
    # At the end of a page or column, a long paragraph without an end goes on even with a capital letter.
    long = len(before.text) >= _LONG and len(element.text) >= _LONG / 2
    return long and (page != last.page or not interrupted) and (before.text[-1].isalnum() or before.text[-1] == ",")


def _has_no_case(letter: str) -> bool:
    return letter.isalpha() and letter.lower() == letter.upper()


def _add_text(text: Item, more: Item) -> None:
    joined = join_lines([text.element.text, more.element.text])
    start = len(joined) - len(more.element.text)
    (part,) = more.parts
    last = replace(text.parts[-1], end=min(text.parts[-1].end, start))
    text.element = replace(text.element, text=joined)
    text.parts = (*text.parts[:-1], last, replace(part, start=start, end=len(joined)))
    text.indexes += more.indexes


def _table_goes_on(table: Item, element: Element, page: int) -> bool:
    before, last = table.element, table.parts[-1]
    if before.label != "table" or page != last.page + 1 or len(before.rows[0]) != len(element.rows[0]):
        return False
    width = max(1.0, last.box[2] - last.box[0])
    if abs(last.box[0] - element.box[0]) > 0.08 * width or abs(last.box[2] - element.box[2]) > 0.08 * width:
        return False
    return _repeats_header(before, element) or not element.header_rows or not element.bold


def _repeats_header(before: Element, element: Element) -> bool:
    height = before.header_rows
    return 0 < height < len(element.rows) and _plain(before.rows[:height]) == _plain(element.rows[:height])


def _plain(rows: Sequence[Sequence[str]]) -> list[str]:
    return ["".join(cell.split()).casefold() for row in rows for cell in row]


def _add_rows(table: Item, more: Item) -> None:
    before, after = table.element, more.element
    dropped = before.header_rows if _repeats_header(before, after) else 0
    shift = len(before.rows) - dropped
    spans = tuple((row + shift, column, tall, wide) for row, column, tall, wide in after.spans if row >= dropped)
    table.element = replace(before, rows=(*before.rows, *after.rows[dropped:]), spans=(*before.spans, *spans))
    table.parts += more.parts
    table.indexes += more.indexes
