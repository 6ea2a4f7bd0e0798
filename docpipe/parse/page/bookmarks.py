"""The table of contents that a PDF carries for its readers."""

from __future__ import annotations

from typing import Any

from docpipe.parse.page.element import Bookmark, clean, join_lines

_MOST = 10_000
_MAX_TITLE = 500


def bookmarks(document: Any) -> tuple[Bookmark, ...]:
    """The bookmarks that lead to a page of a PDF, in order; none where they are damaged."""
    import pymupdf

    # Looked for on opening already; only a repair may have found some since.
    if document.outline is None and not document.is_repaired:
        return ()
    try:
        entries = document.get_toc(simple=True)
    except (RuntimeError, ValueError, TypeError, IndexError, pymupdf.mupdf.FzErrorBase):
        return ()
    found = []
    for level, title, page in entries[:_MOST]:
        name = clean(join_lines(str(title).splitlines()))[:_MAX_TITLE]
        if name and page >= 1:
            found.append(Bookmark(int(level), name, int(page)))
    return tuple(found)
