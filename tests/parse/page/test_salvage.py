"""Damage costs what it hit and is told; the rest of the document is kept."""

from __future__ import annotations

import random
import zlib
from pathlib import Path

import pymupdf
import pytest

from docpipe.errors import DocumentRefused, LimitExceeded, ParseFailed
from docpipe.models import ParsedDocument
from docpipe.parse import formats
from docpipe.settings import Settings, load_settings
from docpipe.stage import Lost
from tests.parse import hostile, samples
from tests.parse.conftest import item, parsed, run


@pytest.fixture
def config(tmp_path: Path) -> Settings:
    return load_settings(home=tmp_path / "home", _env_file=None, workers=1, task_seconds=60, ocr=False)


def read(config: Settings, path: Path) -> ParsedDocument:
    return parsed(run(config, [item(path, formats.PDF)])[path.name])


def error_of(config: Settings, path: Path, media_type: str = formats.PDF) -> Exception:
    outcome = run(config, [item(path, media_type)])[path.name]
    assert isinstance(outcome, Lost), outcome
    return outcome.error


def texts(found: ParsedDocument) -> list[str]:
    return [text.text for text in found.document.texts]


# What would take minutes or gigabytes is seen beforehand


@pytest.mark.parametrize(
    ("content", "filters"),
    [
        (lambda: hostile.deflated(b"q ", 2_048), b"/Filter/FlateDecode"),
        (lambda: hostile.deflated(b"q Q\n", 160), b"/Filter/FlateDecode"),
        (lambda: zlib.compress(hostile.deflated(b"q ", 2_048)), b"/Filter[/FlateDecode/FlateDecode]"),
        (lambda: b"q Q\n" * 9_000_000, b""),
    ],
    ids=["2 GB", "42 million operators", "packed twice", "not packed"],
)
def test_a_page_with_too_many_instructions_costs_itself_alone(config: Settings, tmp_path: Path, content: object, filters: bytes) -> None:
    assert callable(content)
    found = read(config, hostile.two_pages(tmp_path / "a.pdf", content(), filters))
    assert texts(found) == ["first page"]
    assert [page.error for page in found.pages] == ["", "its instructions are more than 32 MB, too many to read"]
    assert "page 2: its instructions are more than 32 MB, too many to read" in found.warnings
    assert sum(page.seconds for page in found.pages) < 10


def test_forms_that_draw_each_other_without_end_cost_their_page_alone(config: Settings, tmp_path: Path) -> None:
    found = read(config, hostile.forms_in_forms(tmp_path / "a.pdf"))
    assert texts(found) == ["first page"]
    assert "forms draw each other" in found.pages[1].error


def test_forms_that_are_too_deep_in_each_other_cost_their_page_alone(config: Settings, tmp_path: Path) -> None:
    for depth in (150, 2_000):
        found = read(config, hostile.forms_in_forms(tmp_path / "a.pdf", depth=depth, times=1))
        assert "first page" in texts(found)
        assert "100 deep" in found.pages[1].error


def test_a_form_that_draws_itself_is_no_reason_to_stop(config: Settings, tmp_path: Path) -> None:
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Count 1/Kids[4 0 R]>>",
        hostile.FONT,
        hostile.page(5, b"<</Font<</F 3 0 R>>/XObject<</X 6 0 R>>>>"),
        hostile.stream(b"BT /F 12 Tf 72 700 Td (only page) Tj ET /X Do /X Do"),
        hostile.stream(b"/X Do /X Do /X Do", b"/Type/XObject/Subtype/Form/BBox[0 0 595 842]/Resources<</XObject<</X 6 0 R>>>>"),
    ]
    found = read(config, hostile.pdf(tmp_path / "a.pdf", objects))
    assert texts(found) == ["only page"]


def test_an_image_of_four_gigapixels_is_never_unpacked(config: Settings, tmp_path: Path) -> None:
    error = error_of(config, hostile.pdf_with_image(tmp_path / "a.pdf", 65_535))
    assert isinstance(error, ParseFailed)
    assert "4,295 megapixels" in str(error)


def test_a_picture_60_000_pixels_wide_is_never_unpacked(config: Settings, tmp_path: Path) -> None:
    error = error_of(config, hostile.png(tmp_path / "a.png", 60_000), formats.PNG)
    assert isinstance(error, LimitExceeded)
    assert "megapixels" in str(error)


# Broken files


def test_a_file_of_nothing_is_no_document(config: Settings, tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(b"")
    assert isinstance(error_of(config, tmp_path / "a.pdf"), ParseFailed)


def test_a_page_tree_that_leads_back_to_itself_costs_the_pages_that_are_not_there(config: Settings, tmp_path: Path) -> None:
    pages = b"<</Type/Pages/Count 3/Kids[4 0 R 2 0 R]>>"
    content = hostile.stream(b"BT /F 12 Tf 72 700 Td (only page) Tj ET")
    path = hostile.pdf(tmp_path / "a.pdf", [b"<</Type/Catalog/Pages 2 0 R>>", pages, hostile.FONT, hostile.page(5), content])
    found = read(config, path)
    assert texts(found) == ["only page"]
    assert not found.pages[0].error
    assert all("cycle" in page.error for page in found.pages[1:])


@pytest.mark.parametrize("count", [b"2147483647", b"0", b"-5"])
def test_a_number_of_pages_that_is_a_lie_is_explained(config: Settings, tmp_path: Path, count: bytes) -> None:
    path = hostile.pdf(tmp_path / "a.pdf", [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Count %b/Kids[]>>" % count])
    assert isinstance(error_of(config, path), ParseFailed)


def test_a_damaged_page_says_so_and_costs_itself_alone(config: Settings, tmp_path: Path) -> None:
    content = b"BT /F 12 Tf 14 TL 72 700 Td " + b"".join(b"(line %d) Tj T*\n" % number for number in range(50)) + b"ET"
    packed = bytearray(zlib.compress(content))
    middle = len(packed) // 2
    packed[middle : middle + 20] = bytes(byte ^ 0x5A for byte in packed[middle : middle + 20])
    found = read(config, hostile.two_pages(tmp_path / "a.pdf", bytes(packed)))
    assert texts(found)[0] == "first page"
    assert not found.pages[0].error
    (told,) = (warning for warning in found.warnings if warning.startswith("page 2:"))
    assert "damaged" in told
    assert "zlib error" in told


def test_a_damaged_font_or_picture_is_told_and_the_text_kept(config: Settings, tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    with pymupdf.open() as document:
        for number in (1, 2):
            page = document.new_page()
            page.insert_font("embedded", fontbuffer=pymupdf.Font("helv").buffer)
            page.insert_text((72, 100), f"text of page {number}", fontname="embedded" if number == 2 else "helv")
        for reference in range(1, document.xref_length()):
            if "/Length1" in document.xref_object(reference):
                font = bytearray(document.xref_stream_raw(reference))
                noise = random.Random(1)
                for _ in range(len(font) // 10):
                    font[noise.randrange(len(font))] = noise.randrange(256)
                document.update_stream(reference, bytes(font), compress=False)
        document.save(path)
    found = read(config, path)
    assert texts(found) == ["text of page 1", "text of page 2"]
    assert any(warning.startswith("page 2: damaged") and "font" in warning for warning in found.warnings), found.warnings
    assert not any(warning.startswith("page 1") for warning in found.warnings)


def test_a_whole_file_has_nothing_to_tell(config: Settings, tmp_path: Path) -> None:
    found = read(config, samples.report(tmp_path / "a.pdf", pages=3))
    assert found.warnings == ()
    assert [page.error for page in found.pages] == [""] * 3


def test_a_file_that_was_cut_off_keeps_the_pages_that_are_there(config: Settings, tmp_path: Path) -> None:
    data = samples.report(tmp_path / "whole.pdf", pages=6).read_bytes()
    (tmp_path / "a.pdf").write_bytes(data[: len(data) * 2 // 3])
    found = read(config, tmp_path / "a.pdf")
    assert "the file is damaged; it was repaired while reading" in found.warnings
    assert "1 Arrivals of the year" in texts(found)
    assert not found.pages[0].error
    assert found.pages[-1].error
    assert any(warning.startswith(f"page {found.pages[-1].number}:") for warning in found.warnings)


# Encrypted files

ALGORITHMS = {"RC4 40": 1, "RC4 128": 2, "AES 128": 4, "AES 256": 5}
"""PyMuPDF's numbers."""


@pytest.mark.parametrize(
    ("owner", "user", "given"), [("own", "use", "wrong,use"), ("own", "use", "own"), ("own", "", ""), ("own", "", "wrong")]
)
def test_an_encrypted_file_opens_with_a_password_that_fits(tmp_path: Path, owner: str, user: str, given: str) -> None:
    config = load_settings(home=tmp_path, _env_file=None, workers=1, layout=False, ocr=False, passwords=given)
    paths = [
        samples.plain(tmp_path / f"{name}.pdf", ["the secret text"] * 20, encryption=algorithm, owner_pw=owner, user_pw=user)
        for name, algorithm in ALGORITHMS.items()
    ]
    for outcome in run(config, [item(path, formats.PDF) for path in paths]).values():
        characters = [page.characters for page in parsed(outcome).pages]
        assert characters == [len("the secret text")] * 20, "in every task, not in the first alone"


@pytest.mark.parametrize("given", ["", "wrong", "wrong,worse"])
def test_an_encrypted_file_without_its_password_is_refused(tmp_path: Path, given: str) -> None:
    config = load_settings(home=tmp_path, _env_file=None, workers=1, passwords=given)
    error = error_of(config, samples.encrypted(tmp_path / "a.pdf", "own", "use"))
    assert isinstance(error, DocumentRefused)
    assert "DOCPIPE_PASSWORDS" in str(error)
    assert not any(word in str(error) for word in ("own", "wrong", "worse"))
