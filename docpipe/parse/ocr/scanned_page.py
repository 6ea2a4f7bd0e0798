"""Pages, and pictures on pages, whose text OCR reads."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from docpipe.parse.ocr import ocr
from docpipe.parse.ocr.ocr import Recognition
from docpipe.parse.ocr.picture_reader import PictureReader
from docpipe.parse.page import layout, legibility, plain_page
from docpipe.parse.page.element import Element, PageContent, Rectangle, clean, join_lines
from docpipe.parse.page.page_text import PageText
from docpipe.parse.page.route import Route

_FEW_LINES = 5
"""Of a picture on a page: fewer are labels, and one element holds them all."""
_ALIKE = 0.5
"""Share of the words that OCR reads which the page's own text must hold to be believed."""
_WORSE = 0.05
"""Share of misread words by which the page's own text must be worse, besides being twice as bad."""
_WORD = re.compile(r"\w{3,}")


def read_page(page: Any, content: PageContent, chosen: Route, reader: PictureReader) -> PageContent | None:
    """The page by OCR; None where the page has text that OCR was to confirm, and that is right."""
    found = reader.read(*ocr.render(page))
    if chosen.doubtful and not _contradicts(found, page.get_text(), reader.confidence):
        return None
    if not found.words:
        return _without_words(page, content)
    content = replace(content, reason=f"{content.reason}{_how(found)}", confidence=round(found.confidence, 3), elements=_elements(found))
    if found.confidence < reader.confidence:
        unsure = f"OCR is unsure ({found.confidence:.2f}): DOCPIPE_OCR_LANGUAGES may lack the page's language"
        return replace(content, unread=unsure, warnings=(f"page {content.number}: {unsure}",))
    return content


def add_pictures(page: Any, content: PageContent, pictures: Sequence[Rectangle], reader: PictureReader) -> PageContent:
    """The page with the text of its pictures, each where the picture stands; what OCR is unsure of is left out."""
    elements = list(content.elements)
    confidences: list[float] = []
    for box in pictures:
        found = reader.read(*ocr.render(page, box))
        if not found.words or found.confidence < reader.confidence:
            continue
        few = len({(word.block, word.line) for word in found.words}) < _FEW_LINES
        text = clean(join_lines([word.text for word in found.words]))
        inside = (Element("text", text, found.placed((0, 0, *found.size))),) if few else _elements(found)
        moved = [replace(one, box=_shifted(one.box, box[0], box[1]), caption_of=-1) for one in inside]
        place = _place(elements, box)
        elements = [*_recounted(elements[:place], place, len(moved)), *moved, *_recounted(elements[place:], place, len(moved))]
        confidences.append(found.confidence)
    if not confidences:
        return content
    reason = f"{content.reason}, {len(confidences)} read by OCR"
    return replace(content, elements=tuple(elements), confidence=round(min(confidences), 3), reason=reason)


def _without_words(page: Any, content: PageContent) -> PageContent:
    plain = plain_page.blocks(PageText(page))
    reason = f"{content.reason}; OCR found no text"
    if plain:
        return replace(content, route="text", reason=reason, elements=plain, unread="OCR found no text")
    return replace(content, reason=reason, confidence=0.0, unread="OCR found no text")


def _contradicts(found: Recognition, own: str, confidence: float) -> bool:
    """Whether OCR is sure of what it reads, and the page's own text holds little of it, or is much the more misread."""
    text = " ".join(word.text for word in found.words)
    read = _WORD.findall(text.lower())
    if not read or found.confidence < confidence:
        return False
    held = set(_WORD.findall(own.lower()))
    return sum(word in held for word in read) < _ALIKE * len(read) or legibility.mess(own) > 2 * legibility.mess(text) + _WORSE


def _how(found: Recognition) -> str:
    told = f"; confidence {found.confidence:.2f}" + (f"; turned by {90 * found.turn}°" if found.turn else "")
    return told + (f"; deskewed by {found.skew:.1f}°" if found.skew else "")


def _elements(found: Recognition) -> tuple[Element, ...]:
    """What the layout model makes of the lines, placed on the picture as it is."""
    import pymupdf

    width, height = found.size
    # The layout model wants a page: one with the picture and the recognized lines, free of what the file held.
    with pymupdf.open() as scratch:
        upright = scratch.new_page(width=width, height=height)
        _draw(upright, found)
        elements = layout.elements(layout.regions(upright), found.words, width, height)
    return tuple(replace(one, box=found.placed(one.box)) for one in elements)


def _draw(upright: Any, found: Recognition) -> None:
    import pymupdf

    height, width = found.image.shape[:2]
    picture = pymupdf.Pixmap(pymupdf.csRGB, width, height, found.image.tobytes(), 0)
    upright.insert_image(upright.rect, pixmap=pymupdf.Pixmap(picture, round(width / found.scale), round(height / found.scale)))
    # The font of all scripts has megabytes, and most pages need none of it.
    font = pymupdf.Font("helv" if all(word.text.isascii() for word in found.words) else "cjk")
    upright.insert_font(fontname="recognized", fontbuffer=font.buffer)
    for word in found.words:
        left, top, right, bottom = word.box
        size = max(1.0, min(bottom - top, right - left))
        stretch = (right - left) / max(1.0, font.text_length(word.text, fontsize=size))
        point = pymupdf.Point(left, bottom - 0.2 * size)
        morph = (point, pymupdf.Matrix(stretch, 1.0))
        upright.insert_text(point, word.text, fontsize=size, fontname="recognized", render_mode=3, morph=morph)


def _place(elements: Sequence[Element], box: Rectangle) -> int:
    """After the picture that the layout model found there; else before the first element below its middle."""
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    for index, one in enumerate(elements):
        if one.label == "picture" and one.box[0] <= x <= one.box[2] and one.box[1] <= y <= one.box[3]:
            return index + 1
    return next((index for index, one in enumerate(elements) if one.box[1] > y), len(elements))


def _recounted(elements: Sequence[Element], place: int, added: int) -> list[Element]:
    """Captions name the index of what they belong to, which moves when elements come before it."""
    return [replace(one, caption_of=one.caption_of + added) if one.caption_of >= place else one for one in elements]


def _shifted(box: Rectangle, x: float, y: float) -> Rectangle:
    return (box[0] + x, box[1] + y, box[2] + x, box[3] + y)
