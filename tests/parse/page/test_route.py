from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pymupdf
import pytest

from docpipe.parse.page import route
from tests.parse import samples


def chosen(path: Path, thresholds: route.Thresholds | None = None) -> route.Route:
    with pymupdf.open(path) as document:
        return route.choose(document[0], thresholds)


def written(path: Path, lines: Sequence[tuple[float, float, str]], size: float = 11, fontname: str = "helv") -> Path:
    """One page with these lines, each at its place."""
    with pymupdf.open() as document:
        page = document.new_page(width=samples.A4[0], height=samples.A4[1])
        for x, y, line in lines:
            page.insert_text((x, y), line, fontsize=size, fontname=fontname)
        document.save(path)
    return path


PROSE = [
    (72.0, 120.0 + 14 * number, "The pilot boards at the outer buoy and the tug waits at the lock until noon.") for number in range(20)
]


def test_simple_prose_is_read_as_plain_text(tmp_path: Path) -> None:
    found = chosen(written(tmp_path / "a.pdf", [(72, 90, "Rules of the basin"), *PROSE, (280, 810, "17")]))
    assert found.name == "text"
    assert "simple prose" in found.reason


def test_prose_goes_to_the_layout_model_where_the_setting_says_so(tmp_path: Path) -> None:
    assert chosen(written(tmp_path / "a.pdf", PROSE), route.Thresholds(prose=False)).name == "layout"


@pytest.mark.parametrize(
    ("more", "obstacle"),
    [
        ([(72, 410, "\u2022 first"), (72, 424, "\u2022 second")], "a list"),
        ([(72, 410, "Cargo"), (300, 410, "Tons")], "side by side"),
        ([(72, 410, "Figure 2. The basin at low water, seen from the pier in the south.")], "a caption"),
        ([(72, 80, "This line was written last, although it stands above all others here.")], "out of order"),
        ([(72, 410, "Arrivals of the year ........................................ 12")], "a table of contents"),
        ([(72, 410, word) for word in ("timber", "coal", "salt") * 90], "short lines"),
    ],
)
def test_what_plain_text_would_not_do_justice_to_goes_to_the_layout_model(
    tmp_path: Path, more: list[tuple[float, float, str]], obstacle: str
) -> None:
    found = chosen(written(tmp_path / "a.pdf", [*PROSE, *more]))
    assert found.name == "layout"
    assert obstacle in found.reason


def test_small_print_below_the_text_goes_to_the_layout_model(tmp_path: Path) -> None:
    path = written(tmp_path / "a.pdf", PROSE)
    with pymupdf.open(path) as document:
        document[0].insert_text((72, 700), "1 The register is closed at midnight, as the customs house demands.", fontsize=7)
        document.save(tmp_path / "b.pdf")
    assert "footnotes" in chosen(tmp_path / "b.pdf").reason


def test_code_goes_to_the_layout_model(tmp_path: Path) -> None:
    assert "monospaced" in chosen(written(tmp_path / "a.pdf", PROSE, size=9, fontname="cour")).reason


def test_slanted_text_goes_to_the_layout_model(tmp_path: Path) -> None:
    path = written(tmp_path / "a.pdf", PROSE)
    with pymupdf.open(path) as document:
        point = pymupdf.Point(200, 500)
        document[0].insert_text(point, "DRAFT", fontsize=40, morph=(point, pymupdf.Matrix(1, 1).prerotate(45)))
        document.save(tmp_path / "b.pdf")
    assert "slanted" in chosen(tmp_path / "b.pdf").reason


def test_a_drawing_among_prose_goes_to_the_layout_model(tmp_path: Path) -> None:
    path = written(tmp_path / "a.pdf", PROSE)
    with pymupdf.open(path) as document:
        for number in range(6):
            document[0].draw_rect((72 + 40 * number, 500, 100 + 40 * number, 560 + 10 * number))
        document.save(tmp_path / "b.pdf")
    assert "drawings" in chosen(tmp_path / "b.pdf").reason


def test_a_picture_of_text_among_text_is_found_and_a_photograph_is_not(tmp_path: Path) -> None:
    path = written(tmp_path / "a.pdf", PROSE)
    samples.scan(tmp_path / "text.png", ["Harbour register", "Vessel Aurora arrived", "Cargo of timber unloaded"], media="png")
    noise = np.random.default_rng(1).integers(0, 255, (300, 420, 3), dtype=np.uint8)
    pymupdf.Pixmap(pymupdf.csRGB, 420, 300, noise.tobytes(), 0).save(tmp_path / "photo.png")
    for name in ("text", "photo"):
        with pymupdf.open(path) as document:
            document[0].insert_image((72, 480, 492, 780), filename=tmp_path / f"{name}.png")
            document.save(tmp_path / f"{name}.pdf")
    found = chosen(tmp_path / "text.pdf")
    assert found.name == "layout"
    assert [tuple(round(value) for value in box) for box in found.pictures] == [(72, 480, 492, 780)]
    assert chosen(tmp_path / "photo.pdf").pictures == ()


def test_letters_that_no_language_has_are_doubted(tmp_path: Path) -> None:
    shifted = str.maketrans("abcdefghijklmnopqrstuvwxyz", "defghijklmnopqrstuvwxyzabc")
    lines = [(x, y, line.translate(shifted)) for x, y, line in PROSE]
    found = chosen(written(tmp_path / "a.pdf", lines))
    assert (found.name, found.doubtful) == ("ocr", True)
    assert "vowels" in found.reason


def test_a_misread_text_under_a_scan_is_doubted(tmp_path: Path) -> None:
    lines = ["FRG&t OSZ H USSSOBS", "3s*teership and their cheek", "A l e t t e r from s*r;tiiR"] * 6
    samples.scan(tmp_path / "scan.png", ["A letter"], media="png")
    for name, text in (("bad", lines), ("good", [PROSE[0][2]] * 12)):
        with pymupdf.open() as document:
            page = document.new_page(width=420, height=300)
            page.insert_image(page.rect, filename=tmp_path / "scan.png")
            for number, line in enumerate(text):
                page.insert_text((20, 20 + 14 * number), line, fontsize=9, render_mode=3)
            document.save(tmp_path / f"{name}.pdf")
    assert chosen(tmp_path / "bad.pdf").doubtful
    assert not chosen(tmp_path / "good.pdf").doubtful


def test_a_picture_goes_to_ocr(tmp_path: Path) -> None:
    found = chosen(samples.scan(tmp_path / "a.pdf", ["some words"]))
    assert found.name == "ocr"
    assert "images on 100%" in found.reason


def test_unreadable_characters_go_to_ocr(tmp_path: Path) -> None:
    with pymupdf.open() as document:
        page = document.new_page()
        writer = pymupdf.TextWriter(page.rect)
        writer.append((72, 72), "\ufffd\ufffd\ufffd words and more words \ufffd\ufffd\ufffd\ufffd", font=pymupdf.Font("cjk"))
        writer.write_text(page)
        document.save(tmp_path / "a.pdf")
    found = chosen(tmp_path / "a.pdf")
    assert found.name == "ocr"
    assert "cannot be read" in found.reason


def test_letters_drawn_as_shapes_go_to_ocr(tmp_path: Path) -> None:
    shapes = b"".join(b"%d %d 3 7 re f\n" % (x, y) for x in range(50, 550, 20) for y in range(50, 800, 50))
    assert chosen(samples.raw(tmp_path / "a.pdf", [shapes])).name == "ocr"


def test_nothing_is_blank(tmp_path: Path) -> None:
    assert chosen(samples.plain(tmp_path / "a.pdf", [""])) == route.Route("blank", "blank")


def test_too_much_text_for_the_model_is_read_plainly(tmp_path: Path) -> None:
    content = b"".join(b"BT /F 1 Tf 1 %d Td (%b) Tj ET\n" % (line % 800, b"word" * 500) for line in range(60))
    assert chosen(samples.raw(tmp_path / "a.pdf", [content], box=(0, 0, 3000, 842))).name == "text"


@pytest.mark.parametrize("box", [(0, 0, 2_000_000, 2_000_000), (0, 0, 10, 9_000_000)])
def test_an_absurd_page_is_never_rendered(tmp_path: Path, box: tuple[float, ...]) -> None:
    found = chosen(samples.raw(tmp_path / "a.pdf", [samples.text_content("hello")], box=box))
    assert found.name in ("text", "blank")
    assert "too large to render" in found.problem


def test_an_absurd_image_is_never_decoded(tmp_path: Path) -> None:
    path = samples.scan(tmp_path / "a.pdf", ["word"])
    data = path.read_bytes()
    with pymupdf.open(stream=data) as document:
        xref = document.get_page_images(0)[0][0]
        document.xref_set_key(xref, "Width", "60000")
        document.xref_set_key(xref, "Height", "60000")
        document.save(tmp_path / "b.pdf")
    assert "megapixels" in chosen(tmp_path / "b.pdf").problem
