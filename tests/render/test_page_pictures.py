from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import docx
import pymupdf
import pytest
from PIL import Image

from docpipe.convert import find_libreoffice
from docpipe.errors import ConfigurationError, DocumentRefused, LimitExceeded, ParseFailed
from docpipe.models import Box
from docpipe.parse import formats
from docpipe.render import Look, PagePictures
from docpipe.render.contact_sheet import draw_sheet
from docpipe.render.drawing import draw_page
from docpipe.render.page_pictures import has_page_pictures
from docpipe.render.worker import _document, render
from docpipe.settings import load_settings
from tests.parse import pictures, samples

BOX = Box(page=1, left=59.5, top=84.2, right=297.5, bottom=421)
OTHER = Box(page=2, left=0, top=0, right=595, bottom=842)


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PagePictures]:
    settings = load_settings(home=tmp_path_factory.mktemp("home"), render_workers=2, passwords="wrong,open sesame")
    with PagePictures(settings) as opened:
        yield opened


def drawn(path: Path, look: Look, number: int = 1) -> Image.Image:
    with pymupdf.open(path) as document:
        return Image.open(BytesIO(draw_page(document, number, look))).convert("RGB")


def test_boxes_are_outlined_on_their_own_page(tmp_path: Path) -> None:
    path = samples.plain(tmp_path / "a.pdf", [samples.LOREM, ""])
    picture = drawn(path, Look(width=595, outlined=(BOX, OTHER)))
    assert picture.size == (595, 842)
    red, green, _ = pixel(picture, 180, 84)
    assert red > 180 > 90 > green
    assert pixel(picture, 1, 1) == (255, 255, 255)


def test_marks_colour_the_paper_and_leave_the_ink(tmp_path: Path) -> None:
    path = samples.plain(tmp_path / "a.pdf", [samples.LOREM])
    plain, marked = (drawn(path, Look(dpi=144, marked=marks)) for marks in ((), (Box(page=1, left=72, top=72, right=523, bottom=120),)))
    red, green, blue = pixel(marked, 700, 235)
    assert pixel(plain, 700, 235) == (255, 255, 255)
    assert red == 255 > green > 200 > blue, "yellow paper"
    darkest = [min(part.crop((144, 144, 1046, 240)).convert("L").tobytes()) for part in (plain, marked)]
    assert darkest[1] <= darkest[0], "as dark as before"
    assert pixel(marked, 700, 400) == (255, 255, 255)


def test_few_colours_make_a_small_picture(tmp_path: Path) -> None:
    path = samples.plain(tmp_path / "a.pdf", [samples.LOREM * 5])
    with pymupdf.open(path) as document:
        assert len(draw_page(document, 1, Look(colours=64))) * 2 < len(draw_page(document, 1, Look()))


def test_a_rotated_page_is_shown_as_a_reader_turns_it(tmp_path: Path) -> None:
    with pymupdf.open(samples.plain(tmp_path / "a.pdf", [samples.LOREM])) as document:
        document[0].set_rotation(90)
        document.save(tmp_path / "b.pdf")
    assert drawn(tmp_path / "b.pdf", Look(dpi=72)).size == (842, 595)


def test_a_narrow_page_stays_small_and_a_huge_one_is_refused(tmp_path: Path) -> None:
    assert drawn(samples.raw(tmp_path / "a.pdf", [b""], box=(0, 0, 10, 14_000)), Look(width=100)).height <= 400
    assert drawn(samples.raw(tmp_path / "b.pdf", [b""], box=(0, 0, 4_000, 4_000)), Look(dpi=600)).width < 6_400
    with pytest.raises(LimitExceeded, match="too large"):
        drawn(samples.raw(tmp_path / "c.pdf", [b""], box=(0, 0, 90_000, 90_000)), Look())
    with pytest.raises(ParseFailed, match="no page 3"):
        drawn(samples.plain(tmp_path / "d.pdf", ["x"]), Look(), number=3)


def test_pages_come_from_all_workers_each_under_its_number(pool: PagePictures, tmp_path: Path) -> None:
    path = samples.plain(tmp_path / "a.pdf", [f"page {number}" for number in range(1, 9)])
    found = {one.number: one.data for one in pool.pages(path, formats.PDF, range(1, 10), Look(width=200)) if one.error is None}
    assert found.keys() == set(range(1, 9)), "there is no ninth page, which costs no other"
    assert len(set(found.values())) == 8
    assert pool.count(path, formats.PDF) == 8


def test_images_and_encrypted_files_have_pages_too(pool: PagePictures, tmp_path: Path) -> None:
    path = samples.scan(tmp_path / "a.png", ["word"], media="png")
    assert Image.open(BytesIO(pool.page(path, formats.PNG, 1, Look(width=200)))).width == 200
    locked = samples.encrypted(tmp_path / "b.pdf", "owner", "open sesame")
    assert pool.page(locked, formats.PDF, 1, Look(width=100)).startswith(b"\x89PNG")
    with pytest.raises(DocumentRefused):
        pool.page(samples.encrypted(tmp_path / "c.pdf", "owner", "another"), formats.PDF, 1, Look())


def test_a_worker_keeps_its_document_open_until_the_file_changes(tmp_path: Path) -> None:
    _document.cache_clear()
    path = samples.plain(tmp_path / "a.pdf", ["one", "two"])
    for number in (1, 2, 1):
        render(str(path), formats.PDF, (), number, Look(width=50))
    assert (_document.cache_info().misses, _document.cache_info().hits) == (1, 2)
    samples.plain(path, ["three, which is longer"])
    render(str(path), formats.PDF, (), 1, Look(width=50))
    assert _document.cache_info().misses == 2
    _document.cache_clear()


def test_an_office_document_is_shown_through_libreoffice(pool: PagePictures, tmp_path: Path) -> None:
    if find_libreoffice("") is None:
        pytest.skip("LibreOffice is not installed")
    written = docx.Document()
    written.add_paragraph("first")
    written.add_page_break()
    written.add_paragraph("second")
    written.save(str(tmp_path / "a.docx"))
    assert pool.count(tmp_path / "a.docx", formats.DOCX) == 2
    first, second = (pool.page(tmp_path / "a.docx", formats.DOCX, number, Look(width=200)) for number in (1, 2))
    assert first != second


def test_what_has_no_pages_says_so(pool: PagePictures, tmp_path: Path) -> None:
    with pytest.raises(ParseFailed, match="CSV has no pages"):
        pool.page(tmp_path / "a.csv", formats.CSV, 1, Look())
    settings = load_settings(home=tmp_path, libreoffice="off")
    with PagePictures(settings) as without, pytest.raises(ConfigurationError, match="LibreOffice"):
        without.page(tmp_path / "a.docx", formats.DOCX, 1, Look())
    assert has_page_pictures(formats.PDF, settings)
    assert not has_page_pictures(formats.DOCX, settings)
    assert not has_page_pictures(formats.CSV, settings)


def test_a_sheet_holds_twelve_pictures_with_their_captions() -> None:
    shown = [(pictures.png(pictures.chart(300, 100 + number)), f"p. {number}  {'long' * 20}.pdf") for number in range(20)]
    header, data = draw_sheet(shown)
    assert header == {}
    with Image.open(BytesIO(data)) as sheet:
        assert sheet.size == (770, 634)
        assert len(sheet.convert("RGB").getcolors(100_000) or ()) > 10
    assert Image.open(BytesIO(draw_sheet(shown[:1])[1])).width == 200


def pixel(picture: Image.Image, across: int, down: int) -> tuple[int, int, int]:
    red, green, blue = picture.getpixel((across, down))  # type: ignore[misc]
    return red, green, blue
