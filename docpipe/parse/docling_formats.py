"""Office, web, mail and markup formats, by docling's backends that need no model."""

from __future__ import annotations

import re
import time
from collections import Counter
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docpipe.errors import DocpipeError, ParseFailed
from docpipe.isolate import Answer
from docpipe.models import Page, ParsedDocument
from docpipe.parse import formats
from docpipe.parse.figure.figure_limits import FigureLimits
from docpipe.parse.figure.figures import keep_embedded
from docpipe.parse.markup.markup import prepare
from docpipe.parse.office import large_sheets
from docpipe.parse.office.decryption import decrypted
from docpipe.parse.opening import Opening
from docpipe.parse.origin import origin
from docpipe.parse.page.element import clean
from docpipe.parse.repairs import repair

if TYPE_CHECKING:
    from docling_core.types.doc.document import DoclingDocument

# docling's input format, module and class. `docling.document_converter` would choose, but imports torch.
_BACKENDS = {
    formats.DOCX: ("docx", "msword_backend", "MsWordDocumentBackend"),
    formats.PPTX: ("pptx", "mspowerpoint_backend", "MsPowerpointDocumentBackend"),
    formats.XLSX: ("xlsx", "msexcel_backend", "MsExcelDocumentBackend"),
    formats.ODT: ("odt", "opendocument_backend", "OdtDocumentBackend"),
    formats.ODS: ("ods", "opendocument_backend", "OdsDocumentBackend"),
    formats.ODP: ("odp", "opendocument_backend", "OdpDocumentBackend"),
    formats.EPUB: ("epub", "epub_backend", "EpubDocumentBackend"),
    formats.HTML: ("html", "html_backend", "HTMLDocumentBackend"),
    formats.MARKDOWN: ("md", "md_backend", "MarkdownDocumentBackend"),
    formats.ASCIIDOC: ("asciidoc", "asciidoc_backend", "AsciiDocBackend"),
    formats.LATEX: ("latex", "latex_backend", "LatexDocumentBackend"),
    formats.VTT: ("vtt", "webvtt_backend", "WebVTTDocumentBackend"),
    formats.JATS: ("xml_jats", "xml.jats_backend", "JatsDocumentBackend"),
    formats.EMAIL: ("email", "email_backend", "EmailDocumentBackend"),
    formats.OUTLOOK: ("email", "email_backend", "EmailDocumentBackend"),
}


_MAX_DEPTH = 500
"""From here on docling's HTML reader exceeds Python's recursion limit, and it takes ever longer to do so: 1.5 s at this
depth, 12 s at four times it."""
_TAG = re.compile(rb"<(?:(/?)([a-z][\w:-]*)|!--)", re.IGNORECASE)
_NEED_NO_END = frozenset(
    b"area base br col embed hr img input link meta param source track wbr p li dt dd td th tr thead tbody tfoot option optgroup "
    b"colgroup caption rb rt rp html head body".split()
)
"""Elements that are empty or that the next one of their kind closes, which nest no deeper however many there are."""
_NO_MARKUP_WITHIN = {b"script": b"</script", b"style": b"</style", b"textarea": b"</textarea", b"title": b"</title", b"": b"-->"}
"""By element, and nothing for a comment: what ends it."""
_EMU = 12_700.0
"""English Metric Units, the unit of Office drawings, in a point."""


def read(path: str, name: str, media_type: str, opening: Opening) -> Answer:
    """The bytes of a `ParsedDocument`; the dict holds its counts. Raises `ParseFailed`, `DocumentRefused`, `LimitExceeded`.

    Slides and sheets are pages; a format without pages is one page of no size. Pictures become
    files beside the document. The file is handed over as bytes, so that nothing beside it on the disk can be included by it; docling's
    options leave fetching from the disk and the network off.
    """
    start = time.perf_counter()
    data = decrypted(Path(path).read_bytes(), opening.passwords)
    document, warnings = convert(data, name, media_type)
    return answer(document, name, media_type, media_type, Path(path), start, warnings, opening.figures)


def convert(data: bytes, name: str, media_type: str) -> tuple[DoclingDocument, tuple[str, ...]]:
    """The document, repaired where docling's reader loses what users would miss, and warnings for people."""
    if media_type == formats.XLSX and large_sheets.are_large(data):
        return large_sheets.convert(data, name)
    try:
        prepared = prepare(data, media_type)
        document = _by_docling(prepared.data, name, media_type)
    except (MemoryError, DocpipeError):
        raise
    except Exception as error:
        kind = formats.FORMATS[media_type].name
        raise ParseFailed(f"cannot be read as {kind}; open it in its program and save it again: {type(error).__name__}: {error}") from error
    return document, repair(document, media_type, data, prepared.front)


def answer(
    document: DoclingDocument,
    name: str,
    media_type: str,
    read_as: str,
    path: Path,
    start: float,
    warnings: tuple[str, ...],
    limits: FigureLimits,
) -> Answer:
    """The document as a worker's answer: cleaned, measured and with its origin; `read_as` is the type that docling saw.

    Pictures become files beside the document, named in the answer's head.
    """
    figures, lost = keep_embedded(document, path, limits)
    _clean(document)
    if read_as == formats.PPTX:
        _in_points(document)
    document.name, document.origin = name, origin(name, media_type, path)
    parsed = ParsedDocument(document, _pages(document, read_as, time.perf_counter() - start), (*warnings, *lost), figures)
    return {"counts": parsed.counts}, parsed.to_bytes()


def _by_docling(data: bytes, name: str, media_type: str) -> DoclingDocument:
    from docling.datamodel.base_models import InputFormat
    from docling.datamodel.document import InputDocument

    if media_type in (formats.HTML, formats.MARKDOWN) and (depth := _depth(data)) > _MAX_DEPTH:
        raise ParseFailed(f"elements are nested {depth:,} deep, which no reader finishes: simplify the file")
    kind, module, cls = _BACKENDS[media_type]
    backend: Any = getattr(import_module(f"docling.backend.{module}"), cls)
    options = _options(media_type)
    source: Any = InputDocument(BytesIO(data), format=InputFormat(kind), backend=backend, filename=name, backend_options=options)
    rejection = source._rejection  # noqa: SLF001 - the reason has no public name
    if not source.valid:
        raise ParseFailed(f"not a readable {formats.FORMATS[media_type].name} file: {_reason(rejection)}")
    reader = source._backend  # noqa: SLF001 - neither has the backend
    try:
        document: DoclingDocument = reader.convert()
    finally:
        reader.unload()
    return document


def _options(media_type: str) -> Any:
    """Take the images that stand in the text itself, as data; fetching others, from the disk or the network, stays off."""
    from docling.datamodel.backend_options import HTMLBackendOptions, MarkdownBackendOptions

    kinds = {formats.HTML: HTMLBackendOptions, formats.MARKDOWN: MarkdownBackendOptions}
    return kinds[media_type](fetch_images=True) if media_type in kinds else None


def _depth(data: bytes) -> int:
    """How deep the elements of an HTML text are nested, those left out that need not be closed."""
    depth = deepest = position = 0
    while tag := _TAG.search(data, position):
        position = tag.end()
        name = (tag[2] or b"").lower()
        if not tag[1] and name in _NO_MARKUP_WITHIN:
            position = data.find(_NO_MARKUP_WITHIN[name], position)
            if position < 0:
                break
        elif name not in _NEED_NO_END:
            depth = max(0, depth - 1) if tag[1] else depth + 1
            deepest = max(deepest, depth)
    return deepest


def _reason(rejection: Any) -> str:
    if rejection is None:
        return "it is damaged, or not what it seems"
    cause: BaseException | None = rejection.original_error
    while cause is not None and cause.__cause__ is not None:
        cause = cause.__cause__
    return f"{rejection.message} {type(cause).__name__}: {cause}" if cause else str(rejection.message)


def _clean(document: DoclingDocument) -> None:
    for item in document.texts:
        item.text, item.orig = clean(item.text), clean(item.orig)
    for table in document.tables:
        table.image = None
        for cell in table.data.table_cells:
            cell.text = clean(cell.text)
    for picture in document.pictures:
        picture.image = None
    for page in document.pages.values():
        page.image = None


def _in_points(document: DoclingDocument) -> None:
    from docling_core.types.doc.common.content_layer import ContentLayer

    for page in document.pages.values():
        page.size.width, page.size.height = page.size.width / _EMU, page.size.height / _EMU
    for item, _ in document.iterate_items(traverse_pictures=True, included_content_layers=set(ContentLayer)):
        for provenance in getattr(item, "prov", ()):
            box = provenance.bbox
            provenance.bbox = box.model_copy(update={side: getattr(box, side) / _EMU for side in ("l", "t", "r", "b")})


def _pages(document: DoclingDocument, media_type: str, seconds: float) -> tuple[Page, ...]:
    characters: Counter[int] = Counter()
    for text in document.texts:
        characters[text.prov[0].page_no if text.prov else 0] += len(text.text)
    for table in document.tables:
        characters[table.prov[0].page_no if table.prov else 0] += sum(len(cell.text) for cell in table.data.table_cells)
    if not document.pages:
        return (Page(number=1, route="docling", characters=characters.total(), seconds=round(seconds, 4)),)
    share = round(seconds / len(document.pages), 4)
    numbers = sorted(document.pages)
    # Text without a page, such as notes, is counted on the first.
    characters[numbers[0]] += sum(count for number, count in characters.items() if number not in document.pages)
    # A sheet's size is in cells, which is no size of a page.
    measured = media_type != formats.XLSX and media_type != formats.ODS
    return tuple(
        Page(
            number=number,
            width=document.pages[number].size.width if measured else 0.0,
            height=document.pages[number].size.height if measured else 0.0,
            route="docling",
            characters=characters[number],
            seconds=share,
        )
        for number in numbers
    )
