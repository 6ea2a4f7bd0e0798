"""Many small pictures on one sheet, as photographers lay them out."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

from docpipe.isolate import Answer

MOST_PICTURES = 12
_COLUMNS = 4
_CELL = 180
"""Pixels, each way."""
_GAP = 10
_CAPTION = 18
_FONT_SIZE = 12
_INK = (80, 80, 90)
_FRAME = (210, 210, 216)
_COLOURS = 128


def draw_sheet(pictures: Sequence[tuple[bytes, str]]) -> Answer:
    """Task function for a worker: the first `MOST_PICTURES` pictures, each with a line of text below; the bytes are a PNG."""
    from PIL import Image, ImageDraw, ImageFont

    shown = pictures[:MOST_PICTURES]
    columns = min(_COLUMNS, max(1, len(shown)))
    rows = -(-max(1, len(shown)) // columns)
    size = (columns * (_CELL + _GAP) + _GAP, rows * (_CELL + _CAPTION + _GAP) + _GAP)
    sheet = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(_FONT_SIZE)
    for number, (data, caption) in enumerate(shown):
        left = _GAP + number % columns * (_CELL + _GAP)
        top = _GAP + number // columns * (_CELL + _CAPTION + _GAP)
        with Image.open(BytesIO(data), formats=("PNG", "JPEG")) as opened:
            picture = opened.convert("RGB")
        picture.thumbnail((_CELL - 2, _CELL - 2), Image.Resampling.LANCZOS)
        sheet.paste(picture, (left + (_CELL - picture.width) // 2, top + (_CELL - picture.height) // 2))
        pen.rectangle([left, top, left + _CELL - 1, top + _CELL - 1], outline=_FRAME)
        text = caption
        while len(text) > 1 and pen.textlength(text, font) > _CELL:
            text = f"{text[:-2]}…" if text.endswith("…") else f"{text[:-1]}…"
        pen.text((left, top + _CELL + 2), text, _INK, font)
    written = BytesIO()
    sheet.quantize(_COLOURS).save(written, "PNG", optimize=True)
    return {}, written.getvalue()
