"""scanned-page.pdf, rotated-scan.pdf and scan.png: paper as a scanner sees it, without a text layer."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pymupdf
from PIL import Image, ImageFilter

from samples.flow import HEIGHT, WIDTH, Look, Parts, compose
from samples.lines import SANS, SERIF, TYPEWRITER, Face
from samples.markup import read
from samples.report import finished
from samples.table import Table

RESOLUTION = 150
"""Dots per inch of every scan here; the OCR reader works at the same resolution."""

FINDINGS = Table(
    "Main bearing, seen through the endoscope:",
    (0.3, 0.48, 0.22),
    (("Part", "What was seen", "Class"),),
    (
        ("Inner ring", "spalling over 88 degrees, up to 4 mm deep", "5 of 5"),
        ("Outer ring", "dents at the lower quarter", "3 of 5"),
        ("Rollers", "two of 36 with cracked edges", "4 of 5"),
        ("Cage", "no finding", "1 of 5"),
        ("Front seal", "torn for 20 cm, grease leaks", "4 of 5"),
    ),
    text_columns=(0, 1, 2),
)
DRUMS = Table(
    "Drums in the hall on the day of this notice:",
    (0.34, 0.22, 0.22, 0.22),
    (("Oil", "Drums", "Litres each", "Litres"),),
    (("HV 32 for pitch systems", "3", "200", "600"), ("HV 46 for yaw brakes", "2", "200", "400"), ("Sum", "5", "", "1,000")),
    total=True,
)
DELIVERY = Table(
    "",
    (0.12, 0.46, 0.24, 0.18),
    (("Item", "Description", "Serial number", "Quantity"),),
    (
        ("1", "Main bearing NB 2400-36", "CR 24-00617", "1"),
        ("2", "Seal, front, with clamping ring", "CR 24-00655", "2"),
        ("3", "Grease NL-2W, cartridge of 5 kg", "lot 8841", "24"),
    ),
    text_columns=(0, 1, 2),
)


def scanned_page() -> bytes:
    picture = _scan(_page("protocol.md", TYPEWRITER, {"findings": FINDINGS}), seed=31, skew=0.7)
    return _pdf(picture, WIDTH, HEIGHT, "Inspection protocol")


def rotated_scan() -> bytes:
    """The sheet lay on its side: the picture is turned by 90 degrees, and nothing in the PDF says so."""
    picture = _scan(_page("notice.md", SERIF, {"drums": DRUMS}), seed=32, skew=-0.4).transpose(Image.Transpose.ROTATE_90)
    return _pdf(picture, HEIGHT, WIDTH, "Notice")


def scan_png() -> bytes:
    """The upper half of a sheet, in sixteen shades of grey."""
    picture = _scan(_page("delivery.md", SANS, {"delivery": DELIVERY}), seed=33, skew=0.3, noise=2.0)
    upper = picture.crop((0, 0, picture.width, picture.height // 2)).point([round(shade / 17) * 17 for shade in range(256)])
    target = io.BytesIO()
    upper.save(target, format="png", dpi=(RESOLUTION, RESOLUTION), optimize=True)
    return target.getvalue()


def _page(source: str, face: Face, tables: dict[str, Table]) -> Any:
    look = Look(face, heading_face=face, size=10.5, leading=15.5, headings=(17.0, 12.5, 11.0), color=(0.1, 0.1, 0.1))
    return compose(read(source), look, Parts(tables=tables))


def _scan(document: Any, seed: int, skew: float, noise: float = 4.0) -> Image.Image:
    """Rendered, turned by `skew` degrees, softened, on paper that is not quite white and darker at one edge."""
    pixels = document[0].get_pixmap(dpi=RESOLUTION, colorspace=pymupdf.csGRAY)
    page = Image.frombytes("L", (pixels.width, pixels.height), pixels.samples)
    page = page.rotate(skew, resample=Image.Resampling.BICUBIC, fillcolor=255).filter(ImageFilter.GaussianBlur(0.45))
    ink = np.asarray(page, dtype=np.float32) * (238 / 255)
    ink *= np.linspace(1.0, 0.96, ink.shape[1], dtype=np.float32)
    ink += np.random.Generator(np.random.PCG64(seed)).normal(0, noise, ink.shape).astype(np.float32)
    return Image.fromarray(np.clip(ink, 0, 255).astype(np.uint8))


def _pdf(picture: Image.Image, width: float, height: float, title: str) -> bytes:
    target = io.BytesIO()
    picture.save(target, format="jpeg", quality=70)
    document = pymupdf.open()
    document.new_page(width=width, height=height).insert_image((0, 0, width, height), stream=target.getvalue())
    return finished(document, title, "Scanner, Esbjerg")
