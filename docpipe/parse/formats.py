"""The formats that can be read, and who reads each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

PDF = "application/pdf"
TEXT = "text/plain"
MARKDOWN = "text/markdown"
HTML = "text/html"
CSV = "text/csv"
TSV = "text/tab-separated-values"
ASCIIDOC = "text/asciidoc"
LATEX = "application/x-latex"
VTT = "text/vtt"
EMAIL = "message/rfc822"
OUTLOOK = "application/vnd.ms-outlook"
EPUB = "application/epub+zip"
JATS = "application/jats+xml"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
ODT = "application/vnd.oasis.opendocument.text"
ODS = "application/vnd.oasis.opendocument.spreadsheet"
ODP = "application/vnd.oasis.opendocument.presentation"
PNG, JPEG, TIFF, GIF, BMP, WEBP = "image/png", "image/jpeg", "image/tiff", "image/gif", "image/bmp", "image/webp"


@dataclass(frozen=True, slots=True)
class Format:
    """One format."""

    name: str
    """For people."""
    reader: str
    """pages, docling, plain or delimited."""
    libraries: tuple[str, ...]
    """Distributions whose version decides what is read."""


_PAGES = ("pymupdf", "rapidocr", "onnxruntime", "docling-slim")
_DOCLING = ("docling-slim", "docling-core")

FORMATS: Mapping[str, Format] = {
    PDF: Format("PDF", "pages", _PAGES),
    PNG: Format("PNG", "pages", _PAGES),
    JPEG: Format("JPEG", "pages", _PAGES),
    TIFF: Format("TIFF", "pages", _PAGES),
    GIF: Format("GIF", "pages", _PAGES),
    BMP: Format("BMP", "pages", _PAGES),
    WEBP: Format("WebP", "pages", (*_PAGES, "pillow")),
    DOCX: Format("Word (DOCX)", "docling", (*_DOCLING, "python-docx")),
    PPTX: Format("PowerPoint (PPTX)", "docling", (*_DOCLING, "python-pptx")),
    XLSX: Format("Excel (XLSX)", "docling", (*_DOCLING, "openpyxl")),
    ODT: Format("OpenDocument text", "docling", _DOCLING),
    ODS: Format("OpenDocument spreadsheet", "docling", _DOCLING),
    ODP: Format("OpenDocument presentation", "docling", _DOCLING),
    EPUB: Format("EPUB", "docling", _DOCLING),
    HTML: Format("HTML", "docling", _DOCLING),
    MARKDOWN: Format("Markdown", "docling", _DOCLING),
    ASCIIDOC: Format("AsciiDoc", "docling", _DOCLING),
    LATEX: Format("LaTeX", "docling", _DOCLING),
    VTT: Format("WebVTT", "docling", _DOCLING),
    JATS: Format("JATS XML", "docling", _DOCLING),
    EMAIL: Format("e-mail", "docling", _DOCLING),
    OUTLOOK: Format("Outlook message", "docling", _DOCLING),
    TEXT: Format("plain text", "plain", ()),
    CSV: Format("CSV", "delimited", ()),
    TSV: Format("TSV", "delimited", ()),
}

ACCEPTED = "PDF, images, DOCX, PPTX, XLSX, OpenDocument, EPUB, HTML, e-mail, CSV, Markdown and other text"
"""For error messages; docs/formats.md has every format."""
IMAGES = frozenset({PNG, JPEG, TIFF, GIF, BMP, WEBP})
