from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pymupdf
import pytest
from PIL import Image, ImageDraw

from docpipe.errors import LimitExceeded, ParseFailed
from docpipe.parse.formats import BMP, GIF, JPEG, PNG, TIFF, WEBP
from docpipe.parse.page.images import image_as_pdf, mended

SIZE = (300, 150)
ORIENTATION = 0x0112


def drawn(mode: str = "RGB") -> Image.Image:
    """A black bar near the left edge of a white picture."""
    picture = Image.new("RGB", SIZE, "white")
    ImageDraw.Draw(picture).rectangle((15, 30, 45, 120), fill="black")
    return picture.convert(mode)


def deep(mode: str) -> Image.Image:
    wide = drawn("L").convert("I").point(lambda level: level * 257)
    return wide if mode == "I" else wide.convert(mode)


def turned(tag: int) -> Image.Exif:
    exif = Image.Exif()
    exif[ORIENTATION] = tag
    return exif


def shown(document: pymupdf.Document, number: int = 0) -> Image.Image:
    pixels = document[number].get_pixmap(dpi=96, colorspace=pymupdf.csRGB, alpha=False)
    return Image.frombytes("RGB", (pixels.width, pixels.height), pixels.samples).convert("L")


def is_right(picture: Image.Image) -> bool:
    """Whether the bar is where it was drawn, and all else white."""
    size = picture.width > picture.height
    bar, left, right = picture.crop((20, 40, 40, 110)), picture.crop((0, 0, 10, 150)), picture.crop((60, 0, 295, 145))
    values = [one.getextrema() for one in (bar, left, right)]
    dark, bright = float(str(values[0][1])), min(float(str(value[0])) for value in values[1:])
    return size and dark < 90 and bright > 160


WRITERS: dict[str, tuple[str, Callable[[Path], None]]] = {
    "palette.png": (PNG, lambda path: drawn("P").save(path)),
    "one bit.png": (PNG, lambda path: drawn("1").save(path)),
    "16 bits.png": (PNG, lambda path: deep("I;16").save(path)),
    "grey and alpha.png": (PNG, lambda path: drawn("LA").save(path)),
    "turned.png": (PNG, lambda path: drawn().rotate(180).save(path, exif=turned(3))),
    "animated.png": (PNG, lambda path: drawn().save(path, save_all=True, append_images=[drawn().rotate(180)])),
    "cmyk.jpeg": (JPEG, lambda path: drawn("CMYK").save(path, quality=95)),
    "grey.jpeg": (JPEG, lambda path: drawn("L").save(path, quality=95)),
    "turned.jpeg": (JPEG, lambda path: drawn().rotate(90, expand=True).save(path, exif=turned(6), quality=95)),
    "mirrored.jpeg": (JPEG, lambda path: drawn().transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(path, exif=turned(2), quality=95)),
    "group 4.tiff": (TIFF, lambda path: drawn("1").save(path, compression="group4")),
    "lzw.tiff": (TIFF, lambda path: drawn().save(path, compression="tiff_lzw")),
    "jpeg.tiff": (TIFF, lambda path: drawn().save(path, compression="jpeg")),
    "cmyk.tiff": (TIFF, lambda path: drawn("CMYK").save(path)),
    "palette.tiff": (TIFF, lambda path: drawn("P").save(path)),
    "16 bits.tiff": (TIFF, lambda path: deep("I;16").save(path)),
    "32 bits.tiff": (TIFF, lambda path: deep("I").save(path)),
    "floats.tiff": (TIFF, lambda path: drawn("F").save(path)),
    "lab.tiff": (TIFF, lambda path: drawn("LAB").save(path)),
    "turned.tiff": (TIFF, lambda path: drawn().rotate(90, expand=True).save(path, tiffinfo={ORIENTATION: 6})),
    "animated.gif": (GIF, lambda path: drawn("P").save(path, save_all=True, append_images=[drawn("P").rotate(90)])),
    "turned.webp": (WEBP, lambda path: drawn().rotate(90, expand=True).save(path, exif=turned(6), quality=95)),
    "animated.webp": (WEBP, lambda path: drawn().save(path, save_all=True, append_images=[drawn().rotate(90)], quality=95)),
    "one bit.bmp": (BMP, lambda path: drawn("1").save(path)),
    "palette.bmp": (BMP, lambda path: drawn("P").save(path)),
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_kind_of_image_is_one_upright_page(tmp_path: Path, name: str) -> None:
    media_type, write = WRITERS[name]
    write(tmp_path / name)
    with image_as_pdf(tmp_path / name, media_type) as document:
        assert document.page_count == 1
        assert is_right(shown(document))
        assert mended(document) == []


@pytest.mark.parametrize(("name", "media_type"), [("a.png", PNG), ("a.webp", WEBP), ("a.tiff", TIFF)])
def test_transparent_is_white(tmp_path: Path, name: str, media_type: str) -> None:
    picture = Image.new("RGBA", SIZE, (0, 0, 0, 0))
    ImageDraw.Draw(picture).rectangle((15, 30, 45, 120), fill="black")
    picture.save(tmp_path / name, lossless=True)
    with image_as_pdf(tmp_path / name, media_type) as document:
        assert is_right(shown(document))


def test_every_image_of_a_tiff_is_a_page(tmp_path: Path) -> None:
    path = tmp_path / "a.tiff"
    drawn().save(path, save_all=True, append_images=[drawn("1"), drawn("L").resize((600, 300))])
    with image_as_pdf(path, TIFF) as document:
        assert [tuple(map(round, page.rect.br)) for page in document] == [(225, 112), (225, 112), (450, 225)]


def test_a_cut_off_image_is_mended_and_marked(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    noise = Image.effect_noise(SIZE, 60)
    noise.save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with image_as_pdf(path, PNG) as document:
        assert document.page_count == 1
        assert mended(document) == ["image 1 is damaged; what is missing of it is black"]


def test_a_cut_off_tiff_keeps_the_images_before(tmp_path: Path) -> None:
    path = tmp_path / "a.tiff"
    drawn().save(path, save_all=True, append_images=[drawn(), drawn()])
    path.write_bytes(path.read_bytes()[:200_000])
    with pytest.warns(UserWarning, match="Corrupt EXIF"):
        document = image_as_pdf(path, TIFF)
    with document:
        assert document.page_count == 2
        assert is_right(shown(document))
        assert shown(document, 1).getpixel((280, 10)) == 255
        assert shown(document, 1).getpixel((280, 140)) == 0, "not the pixels of the image before"
        assert mended(document) == ["image 2 is damaged; what is missing of it is black"]


def test_too_many_pixels_are_refused_undecoded(tmp_path: Path) -> None:
    path = tmp_path / "a.tiff"
    small, large = drawn("1"), Image.new("1", (20_000, 8_000))
    small.save(path, save_all=True, append_images=[large], compression="group4")
    with pytest.raises(LimitExceeded, match="megapixels"):
        image_as_pdf(path, TIFF)


@pytest.mark.parametrize("media_type", [PNG, JPEG, TIFF, GIF, BMP, WEBP])
def test_rubbish_is_an_error(tmp_path: Path, media_type: str) -> None:
    (tmp_path / "a").write_bytes(bytes(range(256)) * 4)
    with pytest.raises(ParseFailed):
        image_as_pdf(tmp_path / "a", media_type)


def test_the_resolution_decides_the_size(tmp_path: Path) -> None:
    drawn().save(tmp_path / "a.webp", lossless=True)
    drawn().resize((1_200, 600)).save(tmp_path / "a.gif")
    drawn().resize((1_200, 600)).save(tmp_path / "a.png", dpi=(300, 300))
    for name, media_type, width in (("a.webp", WEBP, 225), ("a.gif", GIF, 900), ("a.png", PNG, 288)):
        with image_as_pdf(tmp_path / name, media_type) as document:
            assert round(document[0].rect.width) == width
