"""Read pages of a PDF or an image: the task functions that run in workers."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from docpipe.errors import DocumentRefused, ParseFailed
from docpipe.isolate import Answer
from docpipe.parse.formats import FORMATS, IMAGES
from docpipe.parse.ocr import scanned_page
from docpipe.parse.ocr.picture_reader import PictureReader
from docpipe.parse.page import content_size, damage, docling_models, layout, plain_page, route
from docpipe.parse.page.annotations import placed, take
from docpipe.parse.page.bookmarks import bookmarks
from docpipe.parse.page.element import Element, PageContent
from docpipe.parse.page.images import image_as_pdf, mended
from docpipe.parse.page.missed_images import with_images
from docpipe.parse.page.page_text import PageText
from docpipe.parse.page.vertical import elements as vertical_elements
from docpipe.parse.page.vertical import is_vertical
from docpipe.parse.page.words import words


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
    thresholds: route.Thresholds = field(default_factory=route.Thresholds)
    pictures: PictureReader = field(default_factory=PictureReader)
    docling_models: str = ""
    """Folder of docling's models; empty where there is none, and the layout model in PyMuPDF's wheel reads the page."""


def read(path: str, reading: Reading, numbers: tuple[int, ...], mode: str) -> Answer:
    """Read the pages with these numbers, from 1; numbers beyond the last page are left out.

    The dict holds `total` (pages of the document), `numbers` (of the pages read, one line of the bytes each), `ocr`
    (numbers of the pages that wait for it) and `warnings` about the file. Raises `ParseFailed` where the file has no
    page, `DocumentRefused` where no password fits.
    """
    with open_document(Path(path), reading.media_type, reading.passwords) as document:
        total = document.page_count
        warnings = mended(document) if reading.media_type in IMAGES else []
        if total > reading.layout_max_pages and reading.layout:
            warnings.append(f"{total:,} pages are more than DOCPIPE_LAYOUT_MAX_PAGES: read as plain text")
            reading = replace(reading, layout=False)
        done: list[PageContent] = []
        waiting: list[int] = []
        for number in numbers:
            if number > total:
                break
            damage.forget()
            content = _read_page(document, number, reading, Mode(mode))
            if content is None:
                waiting.append(number)
            else:
                content = damage.noted(content)
                done.append(replace(content, bookmarks=bookmarks(document)) if number == 1 else content)
        # Asked for last: MuPDF finds some damage, and repairs it, no earlier than on the page that it is on.
        if document.is_repaired:
            warnings.insert(0, "the file is damaged; it was repaired while reading")
    header = {"total": total, "numbers": [one.number for one in done], "ocr": waiting, "warnings": warnings}
    return header, b"\n".join(one.to_line() for one in done)


def open_document(path: Path, media_type: str, passwords: Sequence[str] = ()) -> Any:
    """Open the file as a PDF document of PyMuPDF, images converted."""
    import pymupdf

    try:
        if media_type in IMAGES:
            return image_as_pdf(path, media_type)
        document = pymupdf.open(path, filetype="pdf")
    except (RuntimeError, pymupdf.mupdf.FzErrorBase) as error:
        if _out_of_memory(error):
            raise
        raise ParseFailed(f"damaged beyond repair, or not a {FORMATS[media_type].name} file: upload it again") from error
    # Read once: asked for again after authenticate(), it wipes the key, and every page comes back empty.
    if document.needs_pass and not any(document.authenticate(password) for password in passwords):
        document.close()
        raise DocumentRefused("encrypted: add its password to DOCPIPE_PASSWORDS, or upload the file without one")
    if _pages_of(document) == 0:
        document.close()
        raise ParseFailed("the file has no pages; it may be cut off: upload it again")
    return document


def _pages_of(document: Any) -> int:
    """How many pages there are; 0 where what the file says about it is impossible."""
    import pymupdf

    try:
        return int(document.page_count)
    except (RuntimeError, pymupdf.mupdf.FzErrorBase) as error:
        if _out_of_memory(error):
            raise
        return 0


def _read_page(document: Any, number: int, reading: Reading, mode: Mode) -> PageContent | None:
    """One page; None where it waits for OCR. A page that fails is returned with its error."""
    start = time.perf_counter()
    content = PageContent(number, 0.0, 0.0, "text")
    taken: tuple[Element, ...] = ()
    try:
        page = document.load_page(number - 1)
        page.remove_rotation()
        rect = page.rect
        content = PageContent(number, float(rect.width), float(rect.height), "text")
        if problem := content_size.excess(page):
            return content.without(problem)
        page, taken = take(page)
        page_text = PageText(page)
        chosen = _route(page, reading, mode, page_text)
        if (chosen.name in ("ocr", "docling") or chosen.pictures) and mode is not Mode.OCR:
            return None
        content = _by_route(page, content, chosen, reading, page_text)
        if taken:
            content = replace(content, elements=placed(content.elements, taken))
    except MemoryError:
        raise
    except Exception as error:
        if _out_of_memory(error):
            raise
        content = _fall_back(document, content, taken, error)
    return replace(content, seconds=round(time.perf_counter() - start, 4))


def _out_of_memory(error: Exception) -> bool:
    return "malloc" in str(error) or "bad_alloc" in str(error)


def _route(page: Any, reading: Reading, mode: Mode, page_text: PageText) -> route.Route:
    if mode is Mode.TEXT:
        return route.Route("text", "other readers failed on this page")
    # Without the layout model there is no choice between it and plain text, and looking for prose costs a third of the page.
    limits = reading.thresholds if reading.layout else replace(reading.thresholds, prose=False)
    chosen = route.choose(page, limits, page_text)
    if (chosen.name == "ocr" or chosen.pictures) and not reading.ocr:
        chosen = route.Route("layout", f"{chosen.reason}; OCR is off (DOCPIPE_OCR)")
    return replace(_by_layout(reading, chosen.reason), pictures=chosen.pictures) if chosen.name == "layout" else chosen


def _by_layout(reading: Reading, reason: str) -> route.Route:
    """The best reader of text that the settings allow."""
    if not reading.layout:
        return route.Route("text", f"{reason}; the layout model is off, or the document too long for it")
    return route.Route("docling" if reading.docling_models else "layout", reason)


def _by_route(page: Any, content: PageContent, chosen: route.Route, reading: Reading, page_text: PageText) -> PageContent:
    content = replace(content, route=chosen.name, reason=chosen.reason, error=chosen.problem)
    if chosen.name == "blank":
        return replace(content, route="text")
    if chosen.name == "ocr":
        found = scanned_page.read_page(page, content, chosen, reading.pictures)
        if found is not None:
            return found
        confirmed = _by_layout(reading, f"{chosen.reason}; OCR does not contradict it")
        return _by_route(page, content, confirmed, reading, page_text)
    if chosen.name == "docling":
        content = replace(content, elements=docling_models.elements(page, reading.docling_models))
    elif chosen.name == "layout" and is_vertical(found_words := words(page_text)):
        content = replace(content, elements=vertical_elements(found_words))
    elif chosen.name == "layout":
        regions = with_images(page, layout.regions(page), found_words)
        content = replace(content, elements=layout.elements(regions, found_words, content.width, content.height))
    else:
        content = replace(content, elements=plain_page.blocks(page_text))
    return scanned_page.add_pictures(page, content, chosen.pictures, reading.pictures) if chosen.pictures else content


def _fall_back(document: Any, content: PageContent, taken: Sequence[Element], error: Exception) -> PageContent:
    """The page's plain text, where a better reader failed on it, with the fields and notes that were taken off it."""
    lost = f"{type(error).__name__}: {error}"[:500]
    if content.width:
        try:
            page = document.load_page(content.number - 1)
            found = placed(plain_page.blocks(PageText(page)), taken)
        except Exception as again:  # noqa: BLE001 - the page's error says both
            return content.without(f"{lost}; as plain text: {type(again).__name__}: {again}"[:700])
        if found:
            why = (f"page {content.number}: read as plain text, since the {content.route} reader failed: {lost}",)
            return replace(content, route="text", reason="other readers failed on this page", elements=found, warnings=why)
    return content.without(lost)
