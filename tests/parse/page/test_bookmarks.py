from __future__ import annotations

import pymupdf

from docpipe.parse.page.bookmarks import bookmarks
from docpipe.parse.page.element import Bookmark


def test_bookmarks_with_their_levels_and_pages() -> None:
    with pymupdf.open() as document:
        document.new_page()
        document.new_page()
        assert bookmarks(document) == ()
        document.set_toc([[1, "Chapter \ufb01ve", 1], [2, "Nowhere", -1], [2, "Part", 2]])
        assert bookmarks(document) == (Bookmark(1, "Chapter five", 1), Bookmark(2, "Part", 2))
