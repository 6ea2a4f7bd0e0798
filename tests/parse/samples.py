"""Small documents that the tests write themselves."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pymupdf

from tests.parse import hostile

LOREM = (
    "The harbour office keeps a register of every vessel that enters the basin, with its draught, its cargo and the name "
    "of its master. The register is closed at midnight and sent to the customs house by the first tram of the morning."
)
A4 = (595.0, 842.0)


def report(path: Path, pages: int = 2) -> Path:
    """Headings on two levels, paragraphs, a list, a ruled table, and a footer on every page."""
    with pymupdf.open() as document:
        for number in range(1, pages + 1):
            page = document.new_page(width=A4[0], height=A4[1])
            _text(page, 72, 80, f"{number} Arrivals of the year", 20, bold=True)
            _paragraph(page, 72, 120, LOREM)
            _text(page, 72, 220, f"{number}.1 Rules of the basin", 14, bold=True)
            _paragraph(page, 72, 240, LOREM)
            for index, line in enumerate(("The pilot boards at the outer buoy.", "The tug waits at the lock.", "The crew stays on board.")):
                _text(page, 90, 340 + 18 * index, f"\u2022 {line}", 11)
            table(
                page,
                72,
                420,
                [["Vessel", "Cargo", "Tons"], ["Aurora", "Timber", "420"], ["Borealis", "Coal", "1310"], ["Cygnus", "Salt", "95"]],
            )
            _text(page, 72, 810, f"Harbour report, page {number}", 8)
        document.save(path)
    return path


def two_columns(path: Path) -> Path:
    """One page with two columns of text; the right one is written first."""
    with pymupdf.open() as document:
        page = document.new_page(width=A4[0], height=A4[1])
        for left, words in ((310, ("gamma", "delta")), (60, ("alpha", "beta"))):
            for index, word in enumerate(words):
                page.insert_textbox(
                    (left, 80 + 300 * index, left + 225, 360 + 300 * index), f"{word} starts here. {LOREM} {LOREM}", fontsize=10
                )
        document.save(path)
    return path


def scan(path: Path, lines: Sequence[str], turn: int = 0, media: str = "pdf") -> Path:
    """A page that is only a picture of text, turned by `turn` degrees clockwise."""
    with pymupdf.open() as written:
        page = written.new_page(width=420, height=300)
        for index, line in enumerate(lines):
            page.insert_text((40, 60 + 36 * index), line, fontsize=20)
        page.set_rotation(turn)
        picture = page.get_pixmap(dpi=150)
    if media != "pdf":
        picture.save(path)
        return path
    with pymupdf.open() as document:
        width, height = picture.width * 72 / 150, picture.height * 72 / 150
        document.new_page(width=width, height=height).insert_image((0, 0, width, height), pixmap=picture)
        document.save(path)
    return path


def plain(path: Path, texts: Sequence[str], **options: Any) -> Path:
    """One page for each text."""
    with pymupdf.open() as document:
        for text in texts:
            page = document.new_page(width=A4[0], height=A4[1])
            if text:
                page.insert_textbox((72, 72, 523, 770), text, fontsize=11)
        document.save(path, **options)
    return path


def encrypted(path: Path, owner: str, user: str) -> Path:
    aes_256 = 5  # pymupdf.PDF_ENCRYPT_AES_256, which its type hints do not name
    return plain(path, [LOREM], encryption=aes_256, owner_pw=owner, user_pw=user, permissions=0)


def raw(path: Path, contents: Sequence[bytes], box: Sequence[float] = (0, 0, 595, 842)) -> Path:
    """A PDF with these content streams, compressed; it may hold what no writer would write."""
    kids = " ".join(f"{4 + 2 * index} 0 R" for index in range(len(contents)))
    media = " ".join(f"{value:.0f}" for value in box)
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        f"<</Type/Pages/Count {len(contents)}/Kids[{kids}]>>".encode(),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    for index, content in enumerate(contents):
        data = zlib.compress(content, 1)
        page = f"<</Type/Page/Parent 2 0 R/MediaBox[{media}]/Resources<</Font<</F 3 0 R>>>>/Contents {5 + 2 * index} 0 R>>"
        objects.append(page.encode())
        objects.append(b"<</Filter/FlateDecode/Length %d>>stream\n%b\nendstream" % (len(data), data))
    return hostile.pdf(path, objects)


def text_content(text: str) -> bytes:
    """A content stream that shows one line."""
    return f"BT /F 12 Tf 72 700 Td ({text}) Tj ET".encode()


def table(page: Any, left: float, top: float, rows: Sequence[Sequence[str]]) -> None:
    """A table with ruled cells."""
    width, height = 120, 22
    for index, row in enumerate(rows):
        for column, text in enumerate(row):
            x, y = left + column * width, top + index * height
            page.draw_rect((x, y, x + width, y + height), color=(0, 0, 0), width=0.7)
            _text(page, x + 5, y + 15, text, 10, bold=index == 0)


def _text(page: Any, x: float, y: float, text: str, size: float, *, bold: bool = False) -> None:
    page.insert_text((x, y), text, fontsize=size, fontname="hebo" if bold else "helv")


def _paragraph(page: Any, x: float, y: float, text: str) -> None:
    page.insert_textbox((x, y, 523, y + 90), text, fontsize=11)
