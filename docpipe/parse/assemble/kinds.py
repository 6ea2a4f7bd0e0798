"""What the blocks of the plain text reader are, by their font, their marks and their neighbours."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from docpipe.parse.assemble.headings import NUMBER
from docpipe.parse.page.element import Element, PageContent, join_lines
from docpipe.parse.page.listing import joined
from docpipe.parse.page.markers import BULLET, MARKER

_MAX_HEADING = 200


def with_kinds(pages: Sequence[PageContent]) -> list[PageContent]:
    """The pages with headings, list items and text told apart, and program text in one piece."""
    pages = _without_typewriting(pages)
    sizes: Counter[float] = Counter()
    for page in pages:
        for element in page.elements:
            if element.label == "block":
                sizes[element.size] += len(element.text)
    body = sizes.most_common(1)[0][0] if sizes else 0.0
    return [replace(page, elements=tuple(_with_code_joined(_kinds(page.elements, body)))) for page in pages]


def _without_typewriting(pages: Sequence[PageContent]) -> Sequence[PageContent]:
    """In a document that is typewritten as a whole, letters of one width say nothing."""
    code = sum(len(one.text) for page in pages for one in page.elements if one.label == "code")
    text = sum(len(one.text) for page in pages for one in page.elements if one.label != "code")
    if not code or code < text:
        return pages

    def plain(element: Element, label: str) -> Element:
        return replace(element, label=label, text=join_lines(element.text.split("\n"))) if element.label == "code" else element

    return [
        replace(page, elements=tuple(plain(one, "block" if page.route == "text" else "text") for one in page.elements)) for page in pages
    ]


def _kinds(elements: Sequence[Element], body: float) -> Iterator[Element]:
    for number, element in enumerate(elements):
        if element.label != "block":
            yield element
        elif bullet := BULLET.match(element.text):
            yield replace(element, label="list_item", text=element.text[bullet.end() :])
        elif _is_heading(element, body):
            yield replace(element, label="section_header")
        elif MARKER.match(element.text) and any(
            MARKER.match(one.text) for one in elements[max(0, number - 1) : number + 2] if one is not element
        ):
            yield replace(element, label="list_item")
        else:
            yield replace(element, label="text")


def _is_heading(element: Element, body: float) -> bool:
    text = element.text
    if len(text) > _MAX_HEADING or not any(map(str.isalpha, text)) or text.endswith((",", ";")):
        return False
    if element.size >= body * 1.15:
        return True
    return element.size >= body and element.bold and (bool(NUMBER.match(text)) or not text.endswith((".", ":")))


def _with_code_joined(elements: Iterator[Element]) -> Iterator[Element]:
    for label, group in groupby(elements, key=lambda one: one.label):
        held = list(group)
        while label == "code" and held:
            end = 1
            while end < len(held) and _follows(held[end - 1], held[end]):
                end += 1
            yield joined(held[:end]) if end > 1 else held[0]
            held = held[end:]
        yield from held


def _follows(one: Element, other: Element) -> bool:
    near = -other.size < other.box[1] - one.box[3] < 3 * other.size
    return near and abs(one.size - other.size) < 0.6 and one.box[0] < other.box[2] and other.box[0] < one.box[2]
