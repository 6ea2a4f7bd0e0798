"""Draw one page of an open document, with what is to be seen on it."""

from __future__ import annotations

import math
from io import BytesIO
from typing import TYPE_CHECKING, Any

from docpipe.errors import LimitExceeded, ParseFailed
from docpipe.parse.page import route

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL.Image import Image

    from docpipe.models import Box
    from docpipe.render.look import Look

_MAX_PIXELS = 40_000_000
_MAX_RATIO = 4
"""A page of a given width is shown up to this many times as high."""
_OUTLINE = (214, 39, 40)
_MARKER = (255, 240, 130)
_MARKER_EDGE = (196, 120, 0)
_MARGIN = 1.5
"""Points between a passage and the edge of its mark."""


def draw_page(document: Any, number: int, look: Look) -> bytes:
    """The page, counted from 1, as a PNG.

    Raises `ParseFailed` where there is no such page, `LimitExceeded` for one too large to render.
    """
    import pymupdf

    if not 1 <= number <= document.page_count:
        raise ParseFailed(f"there is no page {number}; the document has {document.page_count}")
    page = document.load_page(number - 1)
    # As the boxes of its items are measured; done once, it does nothing more.
    page.remove_rotation()
    if problem := route.unrenderable(page):
        raise LimitExceeded(problem)
    scale = _scale(page.rect.width, page.rect.height, look)
    pixels = page.get_pixmap(matrix=pymupdf.Matrix(scale, scale), colorspace=pymupdf.csRGB, alpha=False)
    outlined, marked = (_on_page(boxes, number) for boxes in (look.outlined, look.marked))
    if not (outlined or marked or look.colours):
        return bytes(pixels.tobytes("png"))
    from PIL import Image

    picture = Image.frombytes("RGB", (pixels.width, pixels.height), pixels.samples)
    _mark(picture, marked, scale)
    _outline(picture, outlined, scale)
    if look.colours:
        picture = picture.quantize(look.colours)
    data = BytesIO()
    picture.save(data, "PNG", optimize=bool(look.colours))
    return data.getvalue()


def _scale(width: float, height: float, look: Look) -> float:
    """Pixels a point."""
    scale = look.width / max(1.0, width, height / _MAX_RATIO) if look.width else look.dpi / 72
    return min(scale, math.sqrt(_MAX_PIXELS / max(1.0, width * height)))


def _on_page(boxes: Sequence[Box], number: int) -> list[Box]:
    return [box for box in boxes if box.page == number and box.right > box.left and box.bottom > box.top]


def _mark(picture: Image, boxes: Sequence[Box], scale: float) -> None:
    """Yellow that lets the letters through: the paper takes the colour, the ink stays dark."""
    from PIL import Image, ImageChops, ImageDraw

    for box in boxes:
        corners = (
            max(0, round((box.left - _MARGIN) * scale)),
            max(0, round((box.top - _MARGIN) * scale)),
            min(picture.width, round((box.right + _MARGIN) * scale)),
            min(picture.height, round((box.bottom + _MARGIN) * scale)),
        )
        if corners[0] >= corners[2] or corners[1] >= corners[3]:
            continue
        below = picture.crop(corners)
        picture.paste(ImageChops.multiply(below, Image.new("RGB", below.size, _MARKER)), corners[:2])
        edges = (corners[0], corners[1], corners[2] - 1, corners[3] - 1)
        ImageDraw.Draw(picture).rectangle(edges, outline=_MARKER_EDGE, width=max(1, round(scale)))


def _outline(picture: Image, boxes: Sequence[Box], scale: float) -> None:
    from PIL import ImageDraw

    pen = ImageDraw.Draw(picture)
    for box in boxes:
        corners = [box.left * scale, box.top * scale, box.right * scale, box.bottom * scale]
        pen.rectangle(corners, outline=_OUTLINE, width=max(1, round(scale / 2)))
