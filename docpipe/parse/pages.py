"""Read pages of a PDF or an image: the task functions that run in workers."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from io import BytesIO
from pathlib import Path
from typing import Any

from docpipe.errors import DocumentRefused, LimitExceeded, ParseFailed
from docpipe.isolate import Answer
from docpipe.parse import layout, ocr, plain_page, route
from docpipe.parse.element import Element, PageContent, Rectangle
from docpipe.parse.formats import FORMATS, IMAGES, WEBP
from docpipe.parse.words import words

_LOW_CONFIDENCE = 0.85
_EMPTY_CONTENT = PageContent(0, 0.0, 0.0, "text")


class Mode(StrEnum):
    """How much is tried on the pages of one task."""

    ROUTED = "routed"
    """The cheapest reader that does each page justice; pages that need OCR are named in the answer, not read."""
    OCR = "ocr"
    TEXT = "text"
    """Plain text alone: for pages on which more has failed."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What shapes the result of reading pages."""

    media_type: str
    layout: bool
    ocr: bool
    layout_max_pages: int
    passwords: tuple[str, ...] = ()


def read(path: str, reading: Reading, numbers: tuple[int, ...], mode: str) -> Answer:
    """Read the pages with these numbers, from 1; numbers beyond the last page are left out.

    The dict holds `total` (pages of the document), `numbers` (of the pages read, one line of the bytes each), `ocr`
    (numbers of the pages that wait for it) and `warnings` about the file. Raises `ParseFailed` where the file has no
    page, `DocumentRefused` where no password fits.
    """
    with open_document(Path(path), reading.media_type, reading.passwords) as document:
        total = document.page_count
        warnings = ["the file is damaged; it was repaired while reading"] if document.is_repaired else []
        if total > reading.layout_max_pages and reading.layout:
            warnings.append(f"{total:,} pages are more than DOCPIPE_LAYOUT_MAX_PAGES: read as plain text")
            reading = replace(reading, layout=False)
        done: list[PageContent] = []
        waiting: list[int] = []
        for number in numbers:
            if number > total:
                break
            content = _read_page(document, number, reading, Mode(mode))
            if content is None:
                waiting.append(number)
            else:
                done.append(content)
    header = {"total": total, "numbers": [one.number for one in done], "ocr": waiting, "warnings": warnings}
    return header, b"\n".join(one.to_line() for one in done)


def open_document(path: Path, media_type: str, passwords: Sequence[str] = ()) -> Any:
    """Open the file as a PDF document of PyMuPDF, images converted."""
    import pymupdf

    try:
        if media_type in IMAGES:
            return _image_as_pdf(path, media_type)
        document = pymupdf.open(path, filetype="pdf")
    except (RuntimeError, pymupdf.mupdf.FzErrorBase) as error:
        if _out_of_memory(error):
            raise
        raise ParseFailed(f"damaged beyond repair, or not a {FORMATS[media_type].name} file: upload it again") from error
    # Read once: asked for again after authenticate(), it wipes the key, and every page comes back empty.
    if document.needs_pass and not any(document.authenticate(password) for password in passwords):
        document.close()
        raise DocumentRefused("encrypted: add its password to DOCPIPE_PASSWORDS, or upload the file without one")
    if document.page_count == 0:
        document.close()
        raise ParseFailed("the file has no pages; it may be cut off: upload it again")
    return document


def _image_as_pdf(path: Path, media_type: str) -> Any:
    import pymupdf
    from PIL import Image

    # Dimensions are read from the header, before anything is decoded; PIL's own limit raises a warning or an error here.
    try:
        with Image.open(path) as picture:
            pixels = picture.width * picture.height
            if pixels > route.MAX_IMAGE_PIXELS:
                raise LimitExceeded(
                    f"{pixels / 1_000_000:,.0f} megapixels, more than {route.MAX_IMAGE_PIXELS // 1_000_000}: make it smaller"
                )
            if media_type == WEBP:
                converted = BytesIO()
                picture.convert("RGB").save(converted, "PNG")
                data, kind = converted.getvalue(), "png"
            else:
                data, kind = path.read_bytes(), FORMATS[media_type].name.lower()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ParseFailed(f"not a readable {FORMATS[media_type].name} image: {error}") from error
    with pymupdf.open(stream=data, filetype=kind) as image:
        return pymupdf.open(stream=image.convert_to_pdf(), filetype="pdf")


def _read_page(document: Any, number: int, reading: Reading, mode: Mode) -> PageContent | None:
    """One page; None where it waits for OCR. A page that fails is returned with its error."""
    start = time.perf_counter()
    content = replace(_EMPTY_CONTENT, number=number)
    try:
        page = document.load_page(number - 1)
        page.remove_rotation()
        content = replace(content, width=float(page.rect.width), height=float(page.rect.height))
        chosen = _route(page, reading, mode)
        if chosen.name == "ocr" and mode is not Mode.OCR:
            return None
        content = _within_page(_by_route(page, content, chosen))
    except MemoryError:
        raise
    except Exception as error:
        if _out_of_memory(error):
            raise
        content = _fall_back(document, content, error)
    return replace(content, seconds=round(time.perf_counter() - start, 4))


def _out_of_memory(error: Exception) -> bool:
    return "malloc" in str(error) or "bad_alloc" in str(error)


def _route(page: Any, reading: Reading, mode: Mode) -> route.Route:
    if mode is Mode.TEXT:
        return route.Route("text", "other readers failed on this page")
    chosen = route.choose(page)
    if chosen.name == "ocr" and not reading.ocr:
        return route.Route("layout" if reading.layout else "text", f"{chosen.reason}; OCR is off (DOCPIPE_OCR)")
    if chosen.name == "layout" and not reading.layout:
        return route.Route("text", "the layout model is off, or the document too long for it")
    return chosen


def _by_route(page: Any, content: PageContent, chosen: route.Route) -> PageContent:
    content = replace(content, route=chosen.name, reason=chosen.reason, error=chosen.problem)
    if chosen.name == "blank":
        return replace(content, route="text")
    if chosen.name == "ocr":
        return _by_ocr(page, content)
    if chosen.name == "layout":
        found = layout.elements(layout.regions(page), words(page), content.width, content.height)
        return replace(content, elements=found)
    return replace(content, elements=plain_page.blocks(page))


def _fall_back(document: Any, content: PageContent, error: Exception) -> PageContent:
    """The page's plain text, where a better reader failed on it."""
    lost = f"{type(error).__name__}: {error}"[:500]
    if content.width:
        try:
            page = document.load_page(content.number - 1)
            found = plain_page.blocks(page)
        except Exception as again:  # noqa: BLE001 - the page's error says both
            return content.without(f"{lost}; as plain text: {type(again).__name__}: {again}"[:700])
        if found:
            why = (f"page {content.number}: read as plain text, since the {content.route} reader failed: {lost}",)
            return _within_page(replace(content, route="text", reason="other readers failed on this page", elements=found, warnings=why))
    return content.without(lost)


def _by_ocr(page: Any, content: PageContent) -> PageContent:
    import pymupdf

    read = ocr.recognize(page)
    if not read.words:
        found = plain_page.blocks(page)
        return replace(content, route="text", reason=f"{content.reason}; OCR found no text", elements=found)
    height, width = (side / read.scale for side in read.image.shape[:2])
    # The layout model wants a page: one with the picture and the recognized lines, free of what the file held.
    with pymupdf.open() as scratch:
        upright = scratch.new_page(width=width, height=height)
        _draw(upright, read)
        found = layout.elements(layout.regions(upright), read.words, width, height)
    reason = f"{content.reason}; confidence {read.confidence:.2f}" + (f"; turned by {90 * read.turn}°" if read.turn else "")
    warnings: tuple[str, ...] = ()
    if read.confidence < _LOW_CONFIDENCE:
        warnings = (f"page {content.number}: OCR is unsure ({read.confidence:.2f}); its script may not be supported",)
    placed = tuple(replace(one, box=_turned_back(one.box, read.turn, width, height)) for one in found)
    return replace(content, reason=reason, elements=placed, warnings=warnings)


def _draw(upright: Any, read: ocr.Recognition) -> None:
    import pymupdf

    height, width = read.image.shape[:2]
    picture = pymupdf.Pixmap(pymupdf.csRGB, width, height, read.image.tobytes(), 0)
    upright.insert_image(upright.rect, pixmap=pymupdf.Pixmap(picture, round(width / read.scale), round(height / read.scale)))
    font = pymupdf.Font("cjk")
    upright.insert_font(fontname="recognized", fontbuffer=font.buffer)
    for word in read.words:
        left, top, right, bottom = word.box
        size = max(1.0, min(bottom - top, right - left))
        stretch = (right - left) / max(1.0, font.text_length(word.text, fontsize=size))
        point = pymupdf.Point(left, bottom - 0.2 * size)
        morph = (point, pymupdf.Matrix(stretch, 1.0))
        upright.insert_text(point, word.text, fontsize=size, fontname="recognized", render_mode=3, morph=morph)


def _turned_back(box: Rectangle, turn: int, width: float, height: float) -> Rectangle:
    """The rectangle on the page as it is shown; `width` and `height` are those of the upright page."""
    left, top, right, bottom = box
    if turn == 1:
        return (top, width - right, bottom, width - left)
    if turn == 2:
        return (width - right, height - bottom, width - left, height - top)
    if turn == 3:
        return (height - bottom, left, height - top, right)
    return box


def _within_page(content: PageContent) -> PageContent:
    def clamp(element: Element) -> Element:
        left, top, right, bottom = element.box
        left, right = (min(max(value, 0.0), content.width) for value in (left, right))
        top, bottom = (min(max(value, 0.0), content.height) for value in (top, bottom))
        box = (round(left, 2), round(top, 2), round(right, 2), round(bottom, 2))
        return replace(element, box=box)

    return replace(content, elements=tuple(map(clamp, content.elements)))
