from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np
import pymupdf
import pytest

from docpipe.errors import ConfigurationError
from docpipe.models import ParsedDocument
from docpipe.parse import formats
from docpipe.parse.ocr import ocr, ocr_languages
from docpipe.parse.ocr.ocr import Image
from docpipe.parse.ocr.orientation import orientation
from docpipe.parse.ocr.picture_reader import PictureReader
from docpipe.parse.page.element import Rectangle
from docpipe.parse.stage import ParseStage
from docpipe.settings import load_settings
from tests.parse import samples
from tests.parse.conftest import item, parsed, run

LINES = ("Harbour register of the year", "Vessel Aurora arrived at noon", "Cargo of timber was unloaded", "The crew stays on board tonight")
SCALE = 150 / 72


def picture(lines: tuple[str, ...] = LINES, size: tuple[int, int] = (420, 300)) -> Image:
    with pymupdf.open() as document:
        page = document.new_page(width=size[0], height=size[1])
        for number, line in enumerate(lines):
            page.insert_text((40, 60 + 36 * number), line, fontsize=18)
        return ocr.render(page)[0]


def skewed(image: Image, angle: float) -> Image:
    """The picture turned clockwise by some degrees, its size kept."""
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), -angle, 1.0)
    return np.asarray(cv2.warpAffine(image, matrix, (width, height), borderValue=(255, 255, 255)), np.uint8)


@pytest.mark.parametrize("angle", [-7.0, -3.0, -1.0, 0.0, 1.0, 3.0, 7.0])
@pytest.mark.parametrize("lying", [False, True])
def test_the_angle_of_the_lines_is_found(angle: float, lying: bool) -> None:
    image = skewed(picture(), angle)
    grey = np.asarray(cv2.cvtColor(np.rot90(image) if lying else image, cv2.COLOR_RGB2GRAY), np.uint8)
    found = orientation(np.ascontiguousarray(grey))
    assert found.lying is lying
    assert found.skew == pytest.approx(angle, abs=0.3)


def test_pictures_without_text_are_not_turned() -> None:
    noise = np.random.default_rng(7).integers(0, 255, (600, 400), dtype=np.uint8)
    assert orientation(noise).skew == 0
    assert orientation(np.full((600, 400), 255, np.uint8)).skew == 0


@pytest.mark.parametrize("angle", [-7.0, -3.0, 3.0, 7.0])
def test_skewed_text_is_read_and_placed(angle: float) -> None:
    found = ocr.recognize(skewed(picture(), angle), SCALE)
    assert [word.text for word in found.words] == list(LINES)
    assert found.confidence > 0.9
    assert found.skew == pytest.approx(angle, abs=0.3)
    # The first line's middle, turned about the picture's middle as the picture was.
    straight = ocr.recognize(picture(), SCALE)
    x, y = (value - middle for value, middle in zip(centre(straight.words[0].box), (210, 150), strict=True))
    cosine, sine = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    expected = (210 + x * cosine - y * sine, 150 + x * sine + y * cosine)
    assert centre(found.placed(found.words[0].box)) == pytest.approx(expected, abs=3)


@pytest.mark.parametrize("turn", [0, 1, 2, 3])
def test_turned_text_is_read_and_placed(turn: int) -> None:
    image = np.ascontiguousarray(np.rot90(picture(), -turn))
    found = ocr.recognize(image, SCALE)
    assert [word.text for word in found.words] == list(LINES)
    assert found.turn == (4 - turn) % 4
    left, top, right, bottom = found.placed(found.words[0].box)
    pixels = image[round(top * SCALE) : round(bottom * SCALE), round(left * SCALE) : round(right * SCALE)]
    assert pixels.min() < 64, "there is ink where the first line is said to be"
    assert pixels.size < image.size / 8


def test_nothing_is_read_from_an_empty_picture() -> None:
    found = ocr.recognize(np.full((300, 400, 3), 255, np.uint8), SCALE)
    assert (found.words, found.confidence) == ((), 0.0)


def test_an_unreadable_page_says_so(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path, workers=1)
    noise = np.random.default_rng(3).integers(0, 255, (300, 420, 3), dtype=np.uint8)
    pymupdf.Pixmap(pymupdf.csRGB, 420, 300, noise.tobytes(), 0).save(tmp_path / "a.png")
    (page,) = parsed(run(settings, [item(tmp_path / "a.png", formats.PNG)])["a.png"]).pages
    assert page.route == "ocr"
    assert page.confidence is not None
    assert page.confidence < settings.ocr_confidence
    assert page.unread


def test_text_in_a_picture_is_read_where_it_stands(tmp_path: Path) -> None:
    samples.scan(tmp_path / "picture.png", LINES[:3], media="png")
    found = mixed(tmp_path)
    (page,) = found.pages
    assert page.route == "layout"
    assert "1 read by OCR" in page.reason
    assert page.confidence is not None
    text = found.document.export_to_text()
    places = [text.index(words) for words in ("harbour office", LINES[0], LINES[2], "Written below")]
    assert places == sorted(places)
    inside = next(one for one in found.document.texts if LINES[0] in one.text)
    box = inside.prov[0].bbox.to_top_left_origin(page.height)
    assert 72 <= box.l < box.r <= 492
    assert 300 <= box.t < box.b <= 600


def test_wrong_letters_are_read_by_ocr_and_odd_but_right_ones_are_kept(tmp_path: Path) -> None:
    shifted = str.maketrans("abcdefghijklmnopqrstuvwxyz", "defghijklmnopqrstuvwxyzabc")
    right = [samples.LOREM[start : start + 60] for start in range(0, 180, 60)] * 2
    with pymupdf.open() as document:
        page = document.new_page(width=420, height=300)
        for number, line in enumerate(right):
            page.insert_text((20, 40 + 30 * number), line, fontsize=12)
        scan = page.get_pixmap(dpi=150)
    with pymupdf.open() as document:
        page = document.new_page(width=420, height=300)
        page.insert_image(page.rect, pixmap=scan)
        for number, line in enumerate(right):
            page.insert_text((20, 40 + 30 * number), line.translate(shifted), fontsize=12, render_mode=3)
        document.save(tmp_path / "wrong.pdf")
    samples.plain(tmp_path / "odd.pdf", ["wxyz kgqp bcdf hjkl mnpq rstv " * 20])
    settings = load_settings(home=tmp_path, workers=1)
    outcomes = run(settings, [item(tmp_path / name, formats.PDF) for name in ("wrong.pdf", "odd.pdf")])
    wrong, odd = (parsed(outcomes[name]) for name in ("wrong.pdf", "odd.pdf"))
    assert wrong.pages[0].route == "ocr"
    assert "harbour office keeps" in wrong.document.export_to_text()
    assert odd.pages[0].route == "layout"
    assert "does not contradict" in odd.pages[0].reason
    assert "wxyz kgqp" in odd.document.export_to_text()


def test_unknown_languages_are_an_error_of_the_settings(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"DOCPIPE_OCR_LANGUAGES.*xx"):
        load_settings(home=tmp_path, ocr_languages="en,xx")
    assert ocr_languages.codes(" EN, de ,en,") == ("en", "de")


def test_a_language_without_its_data_stops_the_run_and_says_what_to_install(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path, ocr_languages="en,ar", tessdata=str(tmp_path))
    path = samples.plain(tmp_path / "a.pdf", ["word"])
    with pytest.raises(ConfigurationError, match="tesseract-ocr-ara"):
        list(ParseStage(settings).process([item(path, formats.PDF)]))


def test_languages_of_the_bundled_model_need_no_data(tmp_path: Path) -> None:
    assert ocr_languages.tessdata(("en", "de", "ja"), str(tmp_path)) == ""
    assert ocr_languages.for_tesseract(("en", "ko", "ar")) == ("kor", "ara")


def test_languages_are_part_of_the_recipe(tmp_path: Path) -> None:
    document = item(samples.plain(tmp_path / "a.pdf", ["word"]), formats.PDF).document
    texts = {ParseStage(load_settings(home=tmp_path, ocr_languages=value)).recipe(document).text for value in ("", "en", "ar")}
    assert len(texts) == 3


def test_arabic_is_read_by_tesseract() -> None:
    try:
        folder, program = ocr_languages.tessdata(("ar",)), ocr_languages.program(("ar",))
    except ConfigurationError:
        pytest.skip("tesseract with its data for Arabic is not installed")
    with pymupdf.open() as document:
        page = document.new_page(width=420, height=200)
        lines = "<p>مكتب الميناء يحتفظ بسجل السفن</p><p>وصلت السفينة عند الظهر</p><p>يبقى الطاقم على متن السفينة الليلة</p>"
        page.insert_htmlbox((20, 20, 400, 180), f"<div dir=rtl style='font-size:20px'>{lines}</div>")
        image, scale = ocr.render(page)
    for turn in (0, 1, 2):
        found = PictureReader(("ar",), folder, program).read(np.ascontiguousarray(np.rot90(image, turn)), scale)
        assert found.confidence > 0.7
        assert " ".join(word.text for word in found.words[:3]) == "مكتب الميناء يحتفظ", "in the order in which it is read"


def mixed(folder: Path) -> ParsedDocument:
    with pymupdf.open() as document:
        page = document.new_page(width=samples.A4[0], height=samples.A4[1])
        page.insert_textbox((72, 72, 523, 290), f"{samples.LOREM} {samples.LOREM}", fontsize=11)
        page.insert_image((72, 300, 492, 600), filename=folder / "picture.png")
        page.insert_textbox((72, 640, 523, 790), f"Written below the picture. {samples.LOREM}", fontsize=11)
        document.save(folder / "mixed.pdf")
    return parsed(run(load_settings(home=folder, workers=1), [item(folder / "mixed.pdf", formats.PDF)])["mixed.pdf"])


def centre(box: Rectangle) -> tuple[float, float]:
    return ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
