"""The text of a page, extracted once for the router and for the reader that it chooses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any


class PageText:
    """What MuPDF finds on an unrotated PDF page: each form is made when it is first asked for.

    A page's blocks cost as much as the interpretation of the page, and its characters three times that.
    """

    def __init__(self, page: Any) -> None:
        """Pictures are left out; a letter without a code is unreadable, not a number that looks like text."""
        import pymupdf

        flags = pymupdf.TEXTFLAGS_DICT & ~pymupdf.TEXT_PRESERVE_IMAGES & ~pymupdf.TEXT_CID_FOR_UNKNOWN_UNICODE
        self._textpage = page.get_textpage(flags=flags)

    @cached_property
    def _dict(self) -> dict[str, Any]:
        return dict(self._textpage.extractDICT())

    @property
    def size(self) -> tuple[float, float]:
        """Width and height of the page; here they cost nothing more."""
        return self._dict["width"], self._dict["height"]

    @property
    def blocks(self) -> list[dict[str, Any]]:
        """Blocks of lines of spans, as PyMuPDF's `dict`."""
        blocks: list[dict[str, Any]] = self._dict["blocks"]
        return blocks

    @cached_property
    def texts(self) -> list[list[str]]:
        """The text of each line of each of the blocks."""
        return [[_text(line["spans"]) for line in block["lines"]] for block in self.blocks]

    @cached_property
    def characters(self) -> list[dict[str, Any]]:
        """The same, with the characters of the spans, as PyMuPDF's `rawdict`."""
        return list(self._textpage.extractRAWDICT()["blocks"])

    @cached_property
    def words(self) -> list[tuple[float, float, float, float, str, int, int, int]]:
        """Left, top, right, bottom, text, and the numbers of block, line and word."""
        return list(self._textpage.extractWORDS())


def _text(spans: Sequence[Mapping[str, Any]]) -> str:
    return str(spans[0]["text"]) if len(spans) == 1 else "".join([span["text"] for span in spans])
