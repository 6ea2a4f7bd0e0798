from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pymupdf
import pytest

from docpipe.parse.page.element import Rectangle
from docpipe.parse.page.layout import Region
from docpipe.parse.page.missed_images import with_images
from docpipe.parse.page.page_text import PageText
from docpipe.parse.page.words import words
from tests.parse import pictures, samples

PHOTO: Rectangle = (100, 100, 300, 250)


def found(images: Sequence[Rectangle], regions: Sequence[Region] = (), text: str = "") -> list[tuple[str, Rectangle]]:
    with pymupdf.open() as document:
        page: Any = document.new_page(width=samples.A4[0], height=samples.A4[1])
        for number, box in enumerate(images):
            page.insert_image(box, stream=pictures.png(pictures.photograph(seed=number)), keep_proportion=False)
        if text:
            page.insert_textbox((100, 100, 300, 250), text, fontsize=7)
        return [(one.label, (one.box[0], one.box[1], one.box[2], one.box[3])) for one in with_images(page, regions, words(PageText(page)))]


@pytest.mark.parametrize(
    ("images", "expected"),
    [
        ([PHOTO], [PHOTO]),
        ([(100, 100, 300, 150), (100, 150, 300, 200), (100, 200, 300, 250)], [PHOTO]),
        ([PHOTO, (400, 400, 500, 500)], [PHOTO, (400, 400, 500, 500)]),
        ([(10, 10, 30, 30)], []),
        ([(10, 10, 590, 50)], []),
        ([(0, 0, 595, 842)], []),
        ([(-100, 100, 200, 300)], [(0, 100, 200, 300)]),
    ],
    ids=["a photograph", "its strips", "two", "an icon", "a rule", "a background", "one over the edge"],
)
def test_which_images_are_pictures(images: Sequence[Rectangle], expected: Sequence[Rectangle]) -> None:
    assert [box for _, box in found(images)] == [pytest.approx(box, abs=0.5) for box in expected]


def test_an_image_behind_a_text_is_none() -> None:
    assert found([PHOTO], text=samples.LOREM) == []
    assert len(found([PHOTO], text="A label")) == 1


def test_an_image_in_a_table_or_a_picture_is_none_of_its_own() -> None:
    table = Region("table", (90, 90, 400, 300), (90, 300), (90, 400))
    assert found([PHOTO], [table]) == [("table", table.box)]
    assert found([PHOTO], [Region("picture", (50, 50, 400, 300))]) == [("picture", (50, 50, 400, 300))]


def test_a_picture_that_cuts_an_image_off_grows() -> None:
    ((label, box),) = found([PHOTO], [Region("picture", (150, 150, 310, 240))])
    assert label == "picture"
    assert box == pytest.approx((100, 100, 310, 250), abs=0.5)


def test_the_captioned_photograph_of_a_page_is_found(tmp_path: Path) -> None:
    with pymupdf.open(pictures.illustrated(tmp_path / "a.pdf")) as document:
        assert [region.label for region in with_images(document[0], [], words(PageText(document[0])))] == ["picture"]
