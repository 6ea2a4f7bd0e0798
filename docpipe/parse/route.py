"""Which reader a page gets."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

_SPACE = re.compile(r"\s+")
_BAD = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffd\ue000-\uf8ff]")

# The layout model renders at 72 dpi, so that this is also the number of its pixels: 75 MB.
MAX_PAGE_AREA = 25_000_000.0
MAX_IMAGE_PIXELS = 100_000_000
MAX_LAYOUT_CHARACTERS = 100_000
"""The layout model's cost grows faster than the text: 3 s at 50,000 characters in short lines, 14 s here, 58 s at twice it."""
_MANY_SHAPES = 200


@dataclass(frozen=True, slots=True)
class Route:
    """The reader, and why it."""

    name: str
    """text, layout, ocr, or blank."""
    reason: str
    problem: str = ""
    """What keeps the page from being rendered; empty where nothing does."""


def choose(page: Any) -> Route:
    """The cheapest reader that does an unrotated PDF page justice, from its text and images alone.

    On 124 pages that PyMuPDF's own model wanted to be read by OCR, 82 had 200 good characters or more; this rule sends
    those to the layout reader and costs a tenth.
    """
    import pymupdf

    flags = (pymupdf.TEXTFLAGS_TEXT & ~pymupdf.TEXT_CID_FOR_UNKNOWN_UNICODE) | pymupdf.TEXT_PRESERVE_IMAGES
    found = page.get_textpage(flags=flags).extractBLOCKS()
    text = _SPACE.sub("", "".join(block[4] for block in found if block[6] == 0))
    area = max(1.0, abs(page.rect.width * page.rect.height))
    images = sum(_visible(block, page.rect) for block in found if block[6] == 1) / area
    problem = unrenderable(page)
    if problem:
        return Route("text" if text else "blank", problem, problem)
    bad = len(_BAD.findall(text)) / max(1, len(text))
    if bad > 0.1:
        return Route("ocr", f"{bad:.0%} of the characters cannot be read")
    if len(text) < 50 and images > 0.2:
        return Route("ocr", f"{len(text)} characters, and images on {min(images, 1.0):.0%} of the page")
    if len(text) < 20:
        return _nearly_empty(page, len(text), images)
    if len(text) > MAX_LAYOUT_CHARACTERS:
        return Route("text", f"{len(text):,} characters are too many for the layout model")
    return Route("layout", f"{len(text):,} characters")


def _nearly_empty(page: Any, characters: int, images: float) -> Route:
    shapes = sum(kind in ("fill-path", "stroke-path") for kind, *_ in page.get_bboxlog())
    if shapes > _MANY_SHAPES:
        return Route("ocr", f"{characters} characters, and {shapes:,} shapes that may be letters")
    if characters:
        return Route("layout", f"{characters} characters")
    if images > 0.02:
        return Route("ocr", f"no text, and images on {images:.0%} of the page")
    return Route("blank", "blank")


def _visible(block: Any, rect: Any) -> float:
    width = min(block[2], rect.x1) - max(block[0], rect.x0)
    height = min(block[3], rect.y1) - max(block[1], rect.y0)
    return float(max(0.0, width) * max(0.0, height))


def unrenderable(page: Any) -> str:
    """What keeps the page from being rendered within a worker's memory; empty where nothing does."""
    area = abs(page.rect.width * page.rect.height)
    if area > MAX_PAGE_AREA:
        return f"the page measures {page.rect.width:,.0f} × {page.rect.height:,.0f} points, too large to render"
    largest = max((image[2] * image[3] for image in page.parent.get_page_images(page.number)), default=0)
    if largest > MAX_IMAGE_PIXELS:
        return f"an image has {largest / 1_000_000:,.0f} megapixels, too large to render"
    return ""
