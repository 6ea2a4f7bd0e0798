"""What MuPDF found wrong with a page and went on without: it raises no error where a part of a page cannot be read."""

from __future__ import annotations

import re
from dataclasses import replace

from docpipe.parse.page.element import PageContent

# Other messages are about fonts that look different, or about links: nothing is lost by those.
_LOSS = re.compile(r"error|cannot (?:load|draw|find|parse|open|read)|truncated|non-page object", re.IGNORECASE)
_NUMBER = re.compile(r"\d+")
_MOST = 3
_LENGTH = 300


def forget() -> None:
    """Drop what was found so far."""
    import pymupdf

    pymupdf.TOOLS.reset_mupdf_warnings()


def noted(page: PageContent) -> PageContent:
    """The page with a warning of what was found wrong since `forget`; with an error where nothing else was found on it."""
    found = _found()
    if not found or page.error:
        return page
    if not page.elements:
        return page.without(f"damaged: {found}")
    return replace(page, warnings=(*page.warnings, f"page {page.number}: damaged, so that a part of it may be missing: {found}"))


def _found() -> str:
    import pymupdf

    kinds: dict[str, str] = {}
    for line in pymupdf.TOOLS.mupdf_warnings().splitlines():
        if _LOSS.search(line):
            kinds.setdefault(_NUMBER.sub("#", line), line)
    return "; ".join(list(kinds.values())[:_MOST])[:_LENGTH]
