from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from docpipe.errors import LimitExceeded, ParseFailed
from docpipe.models import Box
from docpipe.parse.formats import PDF, PNG
from docpipe.parse.picture import draw, page_picture
from tests.parse import samples


def test_the_page_is_drawn_with_its_boxes(tmp_path: Path) -> None:
    path = samples.plain(tmp_path / "a.pdf", [samples.LOREM, ""])
    boxes = [Box(page=1, left=59.5, top=84.2, right=297.5, bottom=421), Box(page=2, left=0, top=0, right=595, bottom=842)]
    data = page_picture(path, PDF, 1, boxes, width=595)
    picture = Image.open(BytesIO(data)).convert("RGB")
    assert picture.size == (595, 842)
    pixel = picture.getpixel((180, 84))
    assert isinstance(pixel, tuple)
    assert pixel[0] > 180 > 90 > pixel[1], "a red line"
    assert picture.getpixel((1, 1)) == (255, 255, 255), "boxes of other pages are left out"
    assert len(data) < 60_000


def test_an_image_is_drawn(tmp_path: Path) -> None:
    path = samples.scan(tmp_path / "a.png", ["word"], media="png")
    answer, data = draw(str(path), PNG, 1, [{"page": 1, "left": 1, "top": 1, "right": 50, "bottom": 20}], 200)
    assert answer == {}
    assert Image.open(BytesIO(data)).width == 200


def test_a_narrow_page_stays_small(tmp_path: Path) -> None:
    path = samples.raw(tmp_path / "a.pdf", [b""], box=(0, 0, 10, 14_000))
    assert Image.open(BytesIO(page_picture(path, PDF, 1, [], width=100))).height <= 400


def test_what_cannot_be_drawn_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ParseFailed, match="no page 2"):
        page_picture(samples.plain(tmp_path / "a.pdf", ["x"]), PDF, 2, [])
    with pytest.raises(LimitExceeded, match="too large"):
        page_picture(samples.raw(tmp_path / "b.pdf", [b""], box=(0, 0, 90_000, 90_000)), PDF, 1, [])
