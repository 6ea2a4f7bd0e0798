"""Image files as PDF documents, a page for each image, upright."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docpipe.errors import LimitExceeded, ParseFailed
from docpipe.parse.formats import FORMATS, GIF, PNG, TIFF, WEBP
from docpipe.parse.page import route

if TYPE_CHECKING:
    from PIL.Image import Image

_TURNED = 0x0112
_UPRIGHT = 1
_OTHERWISE_SHOWN = frozenset({"I", "F", "LAB"})
"""Modes of Pillow that PyMuPDF shows wrong, as it does TIFF and PNG that are to be turned, transparent WebP and animated GIF."""
_MAX_FRAMES = 10_000
_DAMAGE = (OSError, ValueError, SyntaxError, EOFError, TypeError, KeyError, IndexError, AttributeError, OverflowError, struct.error)
"""What Pillow makes of damage, by whichever of these its arithmetic runs into."""


def image_as_pdf(path: Path, media_type: str) -> Any:
    """The images as a document of PyMuPDF; only TIFF has more than one page. `mended` tells what was damaged.

    Transparent pixels become white. Raises `LimitExceeded` for too many pixels, before anything is decoded, and
    `ParseFailed` for what is no image.
    """
    import pymupdf
    from PIL import Image

    try:
        # Dimensions are read from the header; Pillow's own limit raises a warning or an error here.
        with Image.open(path, formats=[FORMATS[media_type].name]) as picture:
            redrawn = _check(picture, media_type)
            if not redrawn:
                try:
                    with pymupdf.open(stream=path.read_bytes(), filetype=FORMATS[media_type].name.lower()) as image:
                        return pymupdf.open(stream=image.convert_to_pdf(), filetype="pdf")
                except (RuntimeError, pymupdf.mupdf.FzErrorBase) as error:
                    if "malloc" in str(error):
                        raise
            return _redrawn(path, picture, media_type)
    except Image.DecompressionBombError as error:
        raise LimitExceeded(f"more than {route.MAX_IMAGE_PIXELS // 1_000_000} megapixels: make it smaller") from error
    except _DAMAGE as error:
        raise ParseFailed(f"not a readable {FORMATS[media_type].name} image: {error}") from error


def mended(document: Any) -> list[str]:
    """What is damaged in a file that became this document, for people."""
    return [line for line in (document.metadata.get("subject") or "").split("\n") if line]


def _check(picture: Any, media_type: str) -> bool:
    """Whether Pillow has to redraw it; the first image is left at hand."""
    redrawn = media_type in (GIF, WEBP)
    for number in range(_frames(picture, media_type)):
        try:
            picture.seek(number)
        except _DAMAGE:
            # What is left of the file ends here, or its next image cannot be found.
            break
        pixels = picture.width * picture.height
        if pixels > route.MAX_IMAGE_PIXELS:
            raise LimitExceeded(f"{pixels / 1_000_000:,.0f} megapixels, more than {route.MAX_IMAGE_PIXELS // 1_000_000}: make it smaller")
        if media_type in (TIFF, PNG):
            redrawn = redrawn or picture.mode in _OTHERWISE_SHOWN or _is_turned(picture, media_type)
    picture.seek(0)
    return redrawn


def _is_turned(picture: Any, media_type: str) -> bool:
    # Asked for metadata that no header holds, Pillow decodes the whole of a PNG to look behind its pixels.
    known = media_type == TIFF or "exif" in picture.info
    return known and bool(picture.getexif().get(_TURNED, _UPRIGHT) != _UPRIGHT)


def _frames(picture: Any, media_type: str) -> int:
    if media_type != TIFF:
        return 1
    try:
        return min(_MAX_FRAMES, int(picture.n_frames))
    except _DAMAGE:
        return _MAX_FRAMES


def _redrawn(path: Path, picture: Any, media_type: str) -> Any:
    import pymupdf

    document = pymupdf.open()
    warnings: list[str] = []
    for number, (frame, whole) in enumerate(_loaded(path, picture, media_type), 1):
        if not whole:
            warnings.append(f"image {number} is damaged; what is missing of it is black")
        data = BytesIO()
        _upright(frame).save(data, "PNG", dpi=_resolution(picture))
        with pymupdf.open(stream=data.getvalue(), filetype="png") as image, pymupdf.open("pdf", image.convert_to_pdf()) as page:
            document.insert_pdf(page)
    if not document.page_count:
        document.close()
        raise ParseFailed(f"damaged beyond repair, or not a {FORMATS[media_type].name} file: upload it again")
    # The document is ours alone, so that its metadata can carry what else would have no way to the caller.
    document.set_metadata({"subject": "\n".join(warnings)})
    return document


def _loaded(path: Path, picture: Any, media_type: str) -> Iterator[tuple[Image, bool]]:
    """Every image and whether it is whole; one of which nothing can be seen is left out."""
    for number in range(_frames(picture, media_type)):
        try:
            picture.seek(number)
        except _DAMAGE:
            return
        try:
            yield picture.copy(), True
        except _DAMAGE:
            part = _part(path, number, media_type)
            if part is not None and _shows_something(part):
                yield part, False


def _part(path: Path, number: int, media_type: str) -> Image | None:
    """What can be decoded of a damaged image."""
    from PIL import Image, ImageFile

    before = ImageFile.LOAD_TRUNCATED_IMAGES
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    try:
        # Opened anew: where the image before it was decoded, its pixels would stand for those that are missing.
        with Image.open(path, formats=[FORMATS[media_type].name]) as picture:
            picture.seek(number)
            return picture.copy()
    except _DAMAGE:
        return None
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = before


def _shows_something(frame: Image) -> bool:
    """Whether a damaged image is more than paper above the one colour that stands for what is missing."""
    from PIL import Image, ImageChops

    shown = frame.convert("L")
    filling = Image.new("L", shown.size, shown.getpixel((shown.width - 1, shown.height - 1)))
    place = ImageChops.difference(shown, filling).getbbox()
    darkest, brightest = shown.crop(place).getextrema() if place else (0, 0)
    return darkest != brightest


def _upright(frame: Image) -> Image:
    """As it is to be shown, in colours that every reader knows."""
    from PIL import Image, ImageOps

    frame = ImageOps.exif_transpose(frame)
    if frame.mode in ("I", "F") or frame.mode.startswith("I;"):
        levels = frame.convert("F")
        darkest, brightest = (float(str(level)) for level in levels.getextrema())
        spread = (brightest - darkest) or 1.0
        return levels.point(lambda level: level * (255 / spread) - darkest * (255 / spread)).convert("L")
    if frame.has_transparency_data:
        shown = frame.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", shown.size, "white"), shown).convert("RGB")
    return frame if frame.mode in ("1", "L", "RGB") else frame.convert("RGB")


def _resolution(picture: Any) -> tuple[float, float]:
    """Dots an inch; 96, as PyMuPDF takes it, where the file says nothing or something absurd."""
    across, down = picture.info.get("dpi", (0, 0))
    sane = all(30 <= float(value) <= 5_000 for value in (across, down))
    return (float(across), float(down)) if sane else (96.0, 96.0)
