"""Documents with pictures that the tests write themselves."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from random import Random

import pymupdf
from PIL import Image, ImageDraw

from tests.parse import samples


def photograph(width: int = 400, height: int = 300, seed: int = 1) -> Image.Image:
    """Smooth colours with grain, as a camera gives."""
    across, down = (Image.linear_gradient("L").resize((width, height)).rotate(turn, expand=False) for turn in (0, 90))
    grain = Image.frombytes("L", (width, height), Random(seed).randbytes(width * height))
    return Image.merge("RGB", (across, down, grain))


def chart(width: int = 400, height: int = 300) -> Image.Image:
    """Bars in three colours on white."""
    picture = Image.new("RGB", (width, height), "white")
    pen = ImageDraw.Draw(picture)
    for number, colour in enumerate(("navy", "teal", "orange")):
        pen.rectangle([40 + 110 * number, height - 60 - 60 * number, 120 + 110 * number, height - 30], fill=colour)
    return picture


def png(picture: Image.Image) -> bytes:
    data = BytesIO()
    picture.save(data, "PNG")
    return data.getvalue()


def illustrated(path: Path, pages: int = 1, size: tuple[float, float] = (260, 195)) -> Path:
    """Pages with a paragraph, a photograph of this size in points with a caption, and an icon."""
    with pymupdf.open() as document:
        for number in range(1, pages + 1):
            page = document.new_page(width=samples.A4[0], height=samples.A4[1])
            page.insert_textbox((72, 72, 523, 200), f"On page {number}. {samples.LOREM}", fontsize=11)
            place = (150, 230, 150 + size[0], 230 + size[1])
            page.insert_image(place, stream=png(photograph(seed=number)))
            page.insert_text((150, place[3] + 20), f"Figure {number}: The harbour at low tide.", fontsize=9)
            page.insert_textbox((72, 520, 523, 640), samples.LOREM, fontsize=11)
            page.insert_image((72, 700, 88, 716), stream=png(chart()))
        document.save(path)
    return path
