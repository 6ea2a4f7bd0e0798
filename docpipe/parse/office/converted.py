"""Old Office formats and RTF: converted by LibreOffice, then read as what they became."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from docpipe.convert import convert
from docpipe.errors import ParseFailed
from docpipe.isolate import Answer
from docpipe.parse import docling_formats, formats
from docpipe.parse.office.decryption import decrypted
from docpipe.parse.office.rich_text import add_rich_text
from docpipe.parse.opening import Opening

if TYPE_CHECKING:
    from docling_core.types.doc.document import DoclingDocument

_TARGETS = {
    formats.DOC: (formats.DOCX, "docx", ("MS Word 97", "MS Word 95")),
    formats.PPT: (formats.PPTX, "pptx", ("MS PowerPoint 97",)),
    formats.XLS: (formats.XLSX, "xlsx", ("MS Excel 97", "MS Excel 95")),
    formats.RTF: (formats.DOCX, "docx", ("Rich Text Format",)),
}
"""What each becomes, and LibreOffice's filters to try: left to itself it takes a damaged file for text, and makes a document of rubbish."""


def read(path: str, name: str, media_type: str, opening: Opening) -> Answer:
    """The bytes of a `ParsedDocument`; the dict holds its counts.

    Raises `ParseFailed`, or `DocumentRefused` where the file is encrypted and no password fits.
    """
    start = time.perf_counter()
    data = decrypted(Path(path).read_bytes(), opening.passwords)
    target, suffix, filters = _TARGETS[media_type]
    warnings: tuple[str, ...] = ()
    try:
        made = _converted(path, data, suffix, filters, opening)
        document, found = docling_formats.convert(made, name, target)
        warnings += found
    except ParseFailed as error:
        if media_type != formats.RTF:
            raise
        target, document = formats.TEXT, _rich_text(name, data)
        if opening.libreoffice:
            warnings += (f"read as text without structure: {error}",)
    return docling_formats.answer(document, name, media_type, target, Path(path), start, warnings, opening.figures)


def _converted(path: str, data: bytes, suffix: str, filters: tuple[str, ...], opening: Opening) -> bytes:
    if not opening.libreoffice:
        raise ParseFailed("LibreOffice, which converts this format, is not there: install it, or save the file in a newer format")
    # Beside the document, so that the folder goes with it should the worker be killed.
    with TemporaryDirectory(prefix="converted-", dir=Path(path).parent) as folder:
        source = Path(folder) / "source"
        source.write_bytes(data)
        for read_as in filters[:-1]:
            with suppress(ParseFailed):
                return convert(source, suffix, opening.libreoffice, Path(folder), read_as).read_bytes()
        return convert(source, suffix, opening.libreoffice, Path(folder), filters[-1]).read_bytes()


def _rich_text(name: str, data: bytes) -> DoclingDocument:
    from docling_core.types.doc.document import DoclingDocument

    document = DoclingDocument(name=name)
    add_rich_text(document, data)
    return document
