"""The readers that the quality benchmark compares, each from a file to the same form.

`read` is what is timed; `blocks` turns its result into blocks, and is not. Imported after `docpipe.parse.preload`, so
that every reader works with one thread where it lets one choose.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, redirect_stdout
from dataclasses import dataclass, field
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pymupdf

from benchmarks.inline_stage import InlinePool, parse
from benchmarks.parse_blocks import Block, Blocks, Case, of_document
from docpipe.models import ParsedDocument
from docpipe.parse.page import route
from docpipe.settings import Settings, load_settings

_PICTURE = re.compile(r"!\[[^]]*]\([^)]*\)|\*\*==> picture .*?<==\*\*|<br>", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Reader:
    """One way to read a file."""

    name: str
    read: Callable[[Case], Any]
    blocks: Callable[[Any], Blocks]


def readers(home: Path) -> list[Reader]:
    """All of them; ours are the stage's own tasks, run in this process."""
    settings = load_settings(home=home)
    # PyMuPDF4LLM says which OCR it uses, on every document.
    pymupdf.set_messages(path=os.devnull)
    return [
        Reader("our router", _Stage(settings), _of_artifact),
        _lane("our text lane", "text", settings),
        _lane("our layout lane", "layout", settings),
        _lane("our OCR, all pages", "ocr", settings),
        Reader("PyMuPDF text", _pymupdf_text, _of_texts),
        Reader("PyMuPDF4LLM", _pymupdf4llm, _of_markdown),
        Reader("docling, native", _docling_native, of_document),
    ]


def _lane(name: str, lane: str, settings: Settings) -> Reader:
    def forced() -> AbstractContextManager[Any]:
        # No setting sends every page to one reader: nobody but a benchmark wants that.
        return patch.object(route, "choose", lambda *_, **__: route.Route(lane, "all pages"))

    return Reader(name, _Stage(settings, forced), _of_artifact)


@dataclass(frozen=True, slots=True)
class _Stage:
    settings: Settings
    around: Callable[[], AbstractContextManager[Any]] = field(default=nullcontext)

    def __call__(self, case: Case) -> bytes:
        with self.around():
            return parse(case.path, self.settings, InlinePool())


def _of_artifact(data: bytes) -> Blocks:
    return of_document(ParsedDocument.from_bytes(data).document)


def _pymupdf_text(case: Case) -> list[str]:
    with pymupdf.open(case.path) as document:
        return [block[4] for page in document for block in page.get_text("blocks") if block[6] == 0]


def _of_texts(texts: list[str]) -> Blocks:
    return tuple(Block("text", text) for text in texts)


def _pymupdf4llm(case: Case) -> str:
    with redirect_stdout(StringIO()):
        import pymupdf4llm

    # It prints what it does.
    with redirect_stdout(StringIO()), pymupdf.open(case.path) as document:
        return str(pymupdf4llm.to_markdown(document, header=False, footer=False))


def _of_markdown(text: str) -> Blocks:
    from docling.backend.md_backend import MarkdownDocumentBackend
    from docling.datamodel.base_models import InputFormat
    from docling.datamodel.document import InputDocument

    # Its stand-ins for pictures are markup, not text that it read.
    data = BytesIO(_PICTURE.sub(" ", text).encode() or b" ")
    source: Any = InputDocument(data, format=InputFormat.MD, backend=MarkdownDocumentBackend, filename="read.md")
    return of_document(source._backend.convert())  # noqa: SLF001 - docling's converter would import torch


def _docling_native(case: Case) -> Any:
    from docling.backend.docling_parse_backend import ThreadedDoclingParseDocumentBackend
    from docling.datamodel.backend_options import ThreadedDoclingParseBackendOptions
    from docling.datamodel.base_models import InputFormat
    from docling.datamodel.document import InputDocument
    from docling.datamodel.pipeline_options import NativePdfPipelineOptions
    from docling.pipeline.native_pdf_pipeline import NativePdfPipeline

    options = NativePdfPipelineOptions(generate_page_images=False, generate_picture_images=False, parser_threads=1)
    text_alone = {"parser_threads": 1, "include_bitmap_images": False, "render_pages": False}
    source = InputDocument(
        case.path,
        format=InputFormat.PDF,
        backend=ThreadedDoclingParseDocumentBackend,
        backend_options=ThreadedDoclingParseBackendOptions.model_validate(text_alone),
    )
    return NativePdfPipeline(options).execute(source, raises_on_error=True).document
