from __future__ import annotations

from pathlib import Path

import pymupdf
import pytest

from docpipe.parse import route
from tests.parse import samples


def chosen(path: Path) -> route.Route:
    with pymupdf.open(path) as document:
        return route.choose(document[0])


def test_text_goes_to_the_layout_model(tmp_path: Path) -> None:
    assert chosen(samples.plain(tmp_path / "a.pdf", [samples.LOREM])).name == "layout"


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
