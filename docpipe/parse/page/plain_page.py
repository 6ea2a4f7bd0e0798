"""The text of a page without a model: blocks with their font, kinds to be found out by the assembly."""

from __future__ import annotations

from docpipe.parse.page.arabic import is_arabic, line_text
from docpipe.parse.page.element import Element, clean, join_lines, union
from docpipe.parse.page.listing import listing
from docpipe.parse.page.markers import BULLET
from docpipe.parse.page.page_text import PageText
from docpipe.parse.page.words import line_font


def blocks(page_text: PageText) -> tuple[Element, ...]:
    """The blocks of a page, in the order of its content.

    A block is divided where the font changes between lines, so that a heading does not melt into its paragraph, and before each
    bullet of a list.
    """
    found: list[Element] = []
    for number, block in enumerate(page_text.blocks):
        lines, texts = block["lines"], page_text.texts[number]
        if is_arabic("".join(texts)):
            texts = [line_text(line["spans"]) for line in page_text.characters[number]["lines"]]
        fonts = [line_font(line["spans"]) for line in lines]
        is_list = bool(lines) and bool(BULLET.match(texts[0]))
        start = 0
        for end in range(1, len(lines) + 1):
            if end == len(lines) or fonts[end] != fonts[start] or (is_list and BULLET.match(texts[end])):
                size, bold, monospaced = fonts[start]
                part = lines[start:end]
                if monospaced:
                    text = listing([(text, line["bbox"]) for text, line in zip(texts[start:end], part, strict=True)])
                else:
                    text = clean(join_lines(texts[start:end]))
                if text:
                    box = block["bbox"] if len(part) == len(lines) else union([line["bbox"] for line in part])
                    found.append(Element("code" if monospaced else "block", text, box, size, bold))
                start = end
    return tuple(found)
