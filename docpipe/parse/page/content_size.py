"""How much a PDF page asks its interpreter to do, found out before anything is interpreted."""

from __future__ import annotations

import re
import zlib
from typing import Any

MAX_CONTENT_BYTES = 32 * 1024 * 1024
"""Thirty times the largest page of 443 real ones (1.1 MB). In text this much takes about 10 s; in strokes, rendering it takes minutes."""
MAX_DRAWN_BYTES = 8 * MAX_CONTENT_BYTES
"""With forms counted as often as they are drawn: maps and plots draw the same symbol thousands of times."""
_FLATE_RATIO = 1032
"""The most that deflate can shrink anything."""
_DEEPEST = 100
"""Forms that a form may be inside of; MuPDF goes into each on the machine's stack."""
_DRAWN = re.compile(rb"/([^\s/<>()\[\]{}%]+)\s+Do\b")


def excess(page: Any) -> str:
    """What makes the page's drawing instructions too many to read; empty where nothing does.

    A file of 4 MB can hold 42 million of them, which MuPDF works on for 70 s until it has no memory left; one of 3 kB,
    forms that draw forms ten times each, ten deep.
    """
    document = page.parent
    total = 0
    for reference in page.get_contents():
        total += len(_unpacked(document, reference, MAX_CONTENT_BYTES - total))
        if total > MAX_CONTENT_BYTES:
            return f"its instructions are more than {MAX_CONTENT_BYTES >> 20} MB, too many to read"
    try:
        forms = {(form[2], form[1].encode()): int(form[0]) for form in document.get_page_xobjects(page.number)}
    except RecursionError:
        return f"its forms are more than {_DEEPEST} deep inside each other, too many to read"
    if forms and _drawn(document, forms, page.get_contents(), [0], {}) > MAX_DRAWN_BYTES:
        return (
            f"its forms draw each other until there are more than {MAX_DRAWN_BYTES >> 20} MB of instructions, "
            f"or more than {_DEEPEST} deep: too many to read"
        )
    return ""


def _drawn(document: Any, forms: dict[tuple[int, bytes], int], references: list[int], owners: list[int], known: dict[int, int]) -> int:
    """Bytes of instructions, those of forms as often as they are drawn; not counted further where they are too many.

    `owners` are the forms that these streams are inside of, from the page (0) on; `known` keeps what was counted.
    """
    total = 0
    if len(owners) > _DEEPEST:
        return MAX_DRAWN_BYTES + 1
    for reference in references:
        if len(_unpacked(document, reference, MAX_CONTENT_BYTES)) > MAX_CONTENT_BYTES:
            return MAX_DRAWN_BYTES + 1
        data = bytes(document.xref_stream(reference) or b"")
        total += len(data)
        for name in _DRAWN.findall(data):
            form = forms.get((owners[-1], name))
            if form is None:
                continue
            if form not in known:
                # A form that draws itself is drawn once by MuPDF.
                known[form] = 0
                known[form] = _drawn(document, forms, [form], [*owners, form], known)
            total += known[form]
            if total > MAX_DRAWN_BYTES:
                return total
    return total


def _unpacked(document: Any, reference: int, limit: int) -> bytes:
    """The stream, or as much of it as shows that it is longer than `limit`; the packed one where that shows it cannot be."""
    data = bytes(document.xref_stream_raw(reference) or b"")
    kind, value = document.xref_get_key(reference, "Filter")
    filters = (document.xref_object(int(value.split()[0])) if kind == "xref" else value).count("/")
    if filters == 0 or len(data) * _FLATE_RATIO**filters <= limit:
        return data
    # What is not deflate, or damaged, is left as it is: MuPDF refuses by itself what unpacks to too much.
    for _ in range(filters):
        try:
            data = zlib.decompressobj().decompress(data, limit + 1)
        except zlib.error:
            break
    return data
