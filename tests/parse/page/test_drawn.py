from __future__ import annotations

from pathlib import Path

import pymupdf

from docpipe.parse.page.drawn import drawn
from tests.parse import samples


def test_it_is_the_log_without_visible_text(tmp_path: Path) -> None:
    with pymupdf.open(samples.plain(tmp_path / "a.pdf", [samples.LOREM])) as document:
        page = document[0]
        page.draw_rect((50, 50, 90, 80), fill=(1, 0, 0))
        page.draw_line((50, 100), (200, 100))
        page.insert_text((72, 700), "unseen", render_mode=3)
        pixels = pymupdf.Pixmap(pymupdf.csGRAY, pymupdf.IRect(0, 0, 8, 8))
        page.insert_image((100, 200, 180, 260), pixmap=pixels)
        log = page.get_bboxlog()
        found = drawn(page)
    assert [entry for entry in log if entry[0] not in ("fill-text", "stroke-text")] == found
    assert {kind for kind, _ in log} > {kind for kind, _ in found} == {"fill-path", "stroke-path", "fill-image", "ignore-text"}
