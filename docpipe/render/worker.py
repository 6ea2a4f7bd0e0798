"""Task functions for rendering workers. A worker keeps its last document open: its next page is often asked of the same."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from docpipe.isolate import Answer
from docpipe.parse.page.pages import open_document
from docpipe.render.drawing import draw_page
from docpipe.render.look import Look


def render(path: str, media_type: str, passwords: tuple[str, ...], number: int, look: Look) -> Answer:
    """One page of a PDF or an image; the bytes are the PNG, the dict is empty."""
    status = Path(path).stat()
    document = _document(path, status.st_mtime_ns, status.st_size, media_type, passwords)
    return {}, draw_page(document, number, look)


def to_pdf(path: str, program: str, folder: str) -> Answer:
    """An office document converted by LibreOffice; the dict holds the `name` of the PDF in the folder."""
    from docpipe.convert import convert

    return {"name": convert(Path(path), "pdf", program, Path(folder)).name}, b""


def count(path: str, media_type: str, passwords: tuple[str, ...]) -> Answer:
    """The dict holds the number of `pages`."""
    status = Path(path).stat()
    return {"pages": int(_document(path, status.st_mtime_ns, status.st_size, media_type, passwords).page_count)}, b""


@lru_cache(maxsize=1)
def _document(path: str, _modified: int, _size: int, media_type: str, passwords: tuple[str, ...]) -> Any:
    """The open document; a file that was replaced under its name is opened anew."""
    return open_document(Path(path), media_type, passwords)
