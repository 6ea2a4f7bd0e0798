"""The formats that can be read, and who reads each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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
RTF = "application/rtf"
DOC = "application/msword"
PPT = "application/vnd.ms-powerpoint"
XLS = "application/vnd.ms-excel"
PNG, JPEG, TIFF, GIF, BMP, WEBP = "image/png", "image/jpeg", "image/tiff", "image/gif", "image/bmp", "image/webp"


@dataclass(frozen=True, slots=True)
class Format:
    """One format."""

    name: str
    """For people."""
    reader: str
    """pages, docling, mail, converted, plain or delimited."""
    libraries: tuple[str, ...]
    """Distributions whose version decides what is read."""
    kept: str
    lost: str
    """Both for people: the rows of docs/formats.md."""


_PAGES = ("pymupdf", "rapidocr", "onnxruntime", "docling-slim")
_PICTURES = (*_PAGES, "pillow")
_DOCLING = ("docling-slim", "docling-core")
_OCR = "what OCR reads, with its place"
_FRAME = "text that OCR cannot read, animation, what metadata say"
_WORD_KEPT = (
    "headings, lists, tables with merged and nested cells, links, footnotes, comments, formulas, text boxes, tracked insertions, "
    "alternative texts; headers and footers as furniture"
)
_WORD_LOST = "page numbers (the format has none), tracked deletions, hidden text"
_SHOW_KEPT = "titles, text, lists, tables, charts as tables, speaker notes, hidden slides as notes"
_SLIDES_KEPT = f"{_SHOW_KEPT}, text of grouped shapes, alternative texts"
_BOOK_KEPT = "every table of every sheet, hidden ones too, merged cells, titles of charts"
_SHEETS_KEPT = f"{_BOOK_KEPT}, comments"
_SHEETS_LOST = "formulas (their last computed values are kept), number formats, empty cells around the tables"
_MAIL_KEPT = "subject, sender, recipients, date, text; attachments and mails in the mail as documents of their own"
_MAIL_LOST = "the rest of the headers, signatures, small pictures in the text"

FORMATS: Mapping[str, Format] = {
    PDF: Format(
        "PDF",
        "pages",
        _PAGES,
        "headings with levels (bookmarks, numbers, sizes), paragraphs in reading order, also across columns and pages, lists, tables with "
        "merged cells and over many pages, captions, figures, code, footnotes, form fields, notes; headers and footers as furniture",
        "values of XFA forms, targets of links, attached files, merged cells without rulings; scripts, sound and film; "
        "layers that are switched off",
    ),
    PNG: Format("PNG", "pages", _PICTURES, _OCR, _FRAME),
    JPEG: Format("JPEG", "pages", _PICTURES, f"{_OCR}; turned as its metadata say", _FRAME),
    TIFF: Format("TIFF", "pages", _PICTURES, f"{_OCR}; every image of the file is a page", _FRAME),
    GIF: Format("GIF", "pages", _PICTURES, _OCR, f"{_FRAME}: the first image alone is read"),
    BMP: Format("BMP", "pages", _PICTURES, _OCR, _FRAME),
    WEBP: Format("WebP", "pages", _PICTURES, _OCR, f"{_FRAME}: the first image alone is read"),
    DOCX: Format("Word (DOCX)", "docling", (*_DOCLING, "python-docx"), _WORD_KEPT, _WORD_LOST),
    PPTX: Format(
        "PowerPoint (PPTX)",
        "docling",
        (*_DOCLING, "python-pptx"),
        _SLIDES_KEPT,
        "animation, text of SmartArt, what stands on master slides",
    ),
    XLSX: Format("Excel (XLSX)", "docling", (*_DOCLING, "openpyxl"), _SHEETS_KEPT, _SHEETS_LOST),
    ODT: Format("OpenDocument text (ODT)", "docling", _DOCLING, _WORD_KEPT, _WORD_LOST),
    ODS: Format("OpenDocument spreadsheet (ODS)", "docling", _DOCLING, _BOOK_KEPT, f"{_SHEETS_LOST}; comments"),
    ODP: Format(
        "OpenDocument presentation (ODP)",
        "docling",
        _DOCLING,
        _SHOW_KEPT,
        "numbers of the slides, text of grouped shapes, alternative texts, animation",
    ),
    DOC: Format("Word 97–2003 (DOC)", "converted", (*_DOCLING, "python-docx"), f"as DOCX: {_WORD_KEPT}", f"{_WORD_LOST}; macros"),
    PPT: Format("PowerPoint 97–2003 (PPT)", "converted", (*_DOCLING, "python-pptx"), f"as PPTX: {_SLIDES_KEPT}", "animation; macros"),
    XLS: Format("Excel 5–2003 (XLS)", "converted", (*_DOCLING, "openpyxl"), f"as XLSX: {_SHEETS_KEPT}", f"{_SHEETS_LOST}; macros"),
    RTF: Format(
        "RTF",
        "converted",
        (*_DOCLING, "python-docx", "striprtf"),
        "with LibreOffice as DOCX; without it paragraphs and the cells of tables",
        "without LibreOffice headings, lists, merged cells, footnotes, pictures",
    ),
    EPUB: Format(
        "EPUB", "docling", _DOCLING, "chapters in reading order with their headings, lists, tables, links", "page numbers, fonts, scripts"
    ),
    HTML: Format(
        "HTML",
        "docling",
        _DOCLING,
        "headings, lists, tables with merged and nested cells, links, code with its language, alternative texts and captions, "
        "values of forms, MathML as LaTeX; navigation before the first heading and footers as furniture",
        "what scripts would add, hidden elements, everything that a page links to: nothing is ever fetched",
    ),
    MARKDOWN: Format(
        "Markdown",
        "docling",
        _DOCLING,
        "headings, lists with check boxes, tables, links, code with its language, formulas, footnotes, front matter as text, inline HTML",
        "pictures: only their texts are kept",
    ),
    ASCIIDOC: Format(
        "AsciiDoc",
        "docling",
        _DOCLING,
        "headings, lists, tables, code with its language, captions, footnotes as text",
        "included files (never read), attributes, cross references, merged cells",
    ),
    LATEX: Format(
        "LaTeX",
        "docling",
        _DOCLING,
        "headings, lists, tables, formulas as LaTeX, code, captions, footnotes, own macros without arguments",
        "included files (never read), the bibliography's entries behind citations, merged cells, languages of code",
    ),
    VTT: Format("WebVTT", "docling", _DOCLING, "every caption as a paragraph, with its speaker", "times, positions"),
    JATS: Format(
        "JATS XML", "docling", _DOCLING, "title, authors, abstract, headings, tables, captions, references", "pictures, formulas as images"
    ),
    EMAIL: Format("e-mail (EML)", "mail", _DOCLING, _MAIL_KEPT, _MAIL_LOST),
    OUTLOOK: Format("Outlook message (MSG)", "mail", (*_DOCLING, "python-oxmsg"), _MAIL_KEPT, _MAIL_LOST),
    TEXT: Format("plain text", "plain", (), "paragraphs, in any encoding", ""),
    CSV: Format("CSV", "delimited", (), "rows as tables of 200, the header with each", ""),
    TSV: Format("TSV", "delimited", (), "rows as tables of 200, the header with each", ""),
}

ACCEPTED = "PDF, images, DOCX, PPTX, XLSX, OpenDocument, RTF, EPUB, HTML, e-mail, CSV, Markdown and other text"
"""For error messages; docs/formats.md has every format."""
IMAGES = frozenset({PNG, JPEG, TIFF, GIF, BMP, WEBP})

_READERS = {
    "pages": "page by page, PyMuPDF and OCR",
    "docling": "docling",
    "mail": "docling",
    "converted": "LibreOffice, then docling",
    "plain": "own reader",
    "delimited": "own reader",
}


def support_table() -> Iterator[str]:
    """The lines of docs/formats.md's table in Markdown: one row a format."""
    yield "| format | reader | what is kept | what is lost |"
    yield "|---|---|---|---|"
    for form in FORMATS.values():
        yield f"| {form.name} | {_READERS[form.reader]} | {form.kept} | {form.lost} |"
