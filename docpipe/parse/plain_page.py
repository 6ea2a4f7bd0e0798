"""The text of a page without a model: blocks with their font, kinds to be found out by the assembly."""

from __future__ import annotations

from typing import Any

from docpipe.parse.arabic import is_arabic, line_text
from docpipe.parse.element import Element, clean, join_lines, union
from docpipe.parse.words import line_font


def blocks(page: Any) -> tuple[Element, ...]:
    """The blocks of an unrotated PDF page, in the order of its content.

    A block is divided where the font changes between lines, so that a heading does not melt into its paragraph.
    """
    import pymupdf

    flags = (pymupdf.TEXTFLAGS_DICT & ~pymupdf.TEXT_PRESERVE_IMAGES) & ~pymupdf.TEXT_CID_FOR_UNKNOWN_UNICODE
    found: list[Element] = []
    textpage = page.get_textpage(flags=flags)
    plain = textpage.extractDICT()["blocks"]
    # A second pass over the same text: only where it is needed.
    raw = textpage.extractRAWDICT()["blocks"] if is_arabic(textpage.extractText()) else None
    for number, block in enumerate(plain):
        lines = []
        for index, line in enumerate(block.get("lines", ())):
            spans = line["spans"]
            text = line_text(raw[number]["lines"][index]["spans"]) if raw else "".join(span["text"] for span in spans)
            lines.append((text, line["bbox"], line_font(spans)))
        start = 0
        for end in range(1, len(lines) + 1):
            if end == len(lines) or lines[end][2] != lines[start][2]:
                part = lines[start:end]
                text = clean(join_lines([line for line, _, _ in part]))
                size, bold = part[0][2]
                if text:
                    found.append(Element("block", text, union([tuple(box) for _, box, _ in part]), size, bold))
                start = end
    return tuple(found)
