"""A small picture of one page with the boxes of what was found on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path

from docpipe.errors import LimitExceeded, ParseFailed
from docpipe.isolate import Answer
from docpipe.models import Box
from docpipe.parse import route
from docpipe.parse.pages import open_document

_COLOURS = 64
_LINE = (214, 39, 40)
_MAX_RATIO = 4
"""A page is shown up to this many times as high as wide."""


def draw(path: str, media_type: str, page: int, boxes: Sequence[Mapping[str, float]], width: int = 480) -> Answer:
    """Task function for a worker: `page_picture` with the boxes as plain dicts; the bytes are the PNG."""
    return {}, page_picture(Path(path), media_type, page, [Box.model_validate(box) for box in boxes], width)


def page_picture(path: Path, media_type: str, page: int, boxes: Sequence[Box], width: int = 480, passwords: Sequence[str] = ()) -> bytes:
    """The page, counted from 1, as a PNG `width` pixels wide, with those of the boxes that lie on it.

    For PDF and images; to be called in a worker, since it renders what a stranger made. Raises `ParseFailed` where
    there is no such page, `LimitExceeded` for a page too large to render.
    """
    import pymupdf
    from PIL import Image, ImageDraw

    with open_document(path, media_type, passwords) as document:
        if not 1 <= page <= document.page_count:
            raise ParseFailed(f"there is no page {page}; the document has {document.page_count}")
        shown = document.load_page(page - 1)
        shown.remove_rotation()
        if problem := route.unrenderable(shown):
            raise LimitExceeded(problem)
        scale = width / max(1.0, shown.rect.width, shown.rect.height / _MAX_RATIO)
        pixels = shown.get_pixmap(matrix=pymupdf.Matrix(scale, scale), colorspace=pymupdf.csRGB, alpha=False)
    picture = Image.frombytes("RGB", (pixels.width, pixels.height), pixels.samples)
    pen = ImageDraw.Draw(picture)
    for box in boxes:
        if box.page == page and box.right > box.left and box.bottom > box.top:
            pen.rectangle([box.left * scale, box.top * scale, box.right * scale, box.bottom * scale], outline=_LINE)
    data = BytesIO()
    # Few colours make a page of text three times smaller.
    picture.quantize(_COLOURS).save(data, "PNG", optimize=True)
    return data.getvalue()
