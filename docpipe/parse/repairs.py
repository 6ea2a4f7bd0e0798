"""What docling's readers leave out of a document or put where no search finds it, set right afterwards."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator
from io import BytesIO
from typing import TYPE_CHECKING, Any

from docpipe.parse import formats
from docpipe.parse.office import alternative_texts

if TYPE_CHECKING:
    from docling_core.types.doc.document import DoclingDocument

_HIDES = frozenset({formats.PPTX, formats.XLSX, formats.ODS, formats.ODP})
_DRAWS_CHARTS = frozenset({formats.PPTX, formats.ODP, formats.DOCX, formats.ODT})
_MIDNIGHT = re.compile(r"(\d{4}-\d\d-\d\d) 00:00:00")
_NO_VALUE = re.compile(rb"</f>\s*(?:<v\s*/>|<v>\s*</v>|</c>)|<f\b[^>]{0,500}/>\s*(?:<v\s*/>|<v>\s*</v>|</c>)")
_MAX_SCANNED = 64 * 1024 * 1024
_FOOTNOTE = re.compile(r"\[\^[^\]\s]{1,100}\]:")
_FORMULA = re.compile(r"\$\$(.+)\$\$", re.DOTALL)


def repair(document: DoclingDocument, media_type: str, data: bytes, front: str) -> tuple[str, ...]:
    """Change the document in place; the warnings say what people should know. `data` is the file, `front` its front matter."""
    warnings: tuple[str, ...] = ()
    _show_footnotes(document)
    if media_type in _HIDES:
        warnings = _show_hidden(document)
    if media_type in _DRAWS_CHARTS:
        _add_charts(document)
    if media_type == formats.XLSX:
        _shorten_dates(document)
        warnings += _missing_values(data)
    if media_type in (formats.PPTX, formats.DOCX):
        warnings += alternative_texts.add(document, media_type, data)
    if media_type == formats.MARKDOWN:
        _mark_up(document)
        if front:
            _add_front(document, front)
    return warnings


def _show_footnotes(document: DoclingDocument) -> None:
    """Docling counts the footnotes of Office documents among running headers, which are not searched."""
    from docling_core.types.doc.common.content_layer import ContentLayer
    from docling_core.types.doc.labels import DocItemLabel

    for item in document.texts:
        if item.label is DocItemLabel.FOOTNOTE and item.content_layer is ContentLayer.FURNITURE:
            item.content_layer = ContentLayer.NOTES


def _show_hidden(document: DoclingDocument) -> tuple[str, ...]:
    """Hidden slides and sheets as notes: who looks for what they hold shall find it, as with hidden rows."""
    from docling_core.types.doc.common.content_layer import ContentLayer

    names: list[str] = []
    for item in (*document.groups, *document.texts, *document.tables, *document.pictures):
        if item.content_layer is ContentLayer.INVISIBLE:
            item.content_layer = ContentLayer.NOTES
            if item in document.groups and item.parent is not None and item.parent.cref == document.body.self_ref:
                names.append(item.name)
    return (f"hidden in the program, read nevertheless: {', '.join(names)[:1_000]}",) if names else ()


def _add_charts(document: DoclingDocument) -> None:
    """The numbers behind a chart as a table after it; in a workbook they stand in the cells anyway."""
    for picture in tuple(document.pictures):
        chart = picture.meta.tabular_chart if picture.meta is not None else None
        if chart is not None and chart.chart_data.table_cells:
            document.insert_table(
                sibling=picture,
                data=chart.chart_data.model_copy(deep=True),
                prov=picture.prov[0] if picture.prov else None,
                content_layer=picture.content_layer,
            )


def _shorten_dates(document: DoclingDocument) -> None:
    for table in document.tables:
        for cell in table.data.table_cells:
            if whole := _MIDNIGHT.fullmatch(cell.text):
                cell.text = whole[1]


def _missing_values(data: bytes) -> tuple[str, ...]:
    """A workbook that no spreadsheet program has saved holds formulas without their values."""
    try:
        missing = sum(len(_NO_VALUE.findall(sheet)) for sheet in _sheets(data))
    except (zipfile.BadZipFile, zlib.error, OSError, ValueError, RuntimeError, OverflowError):
        # A damaged sheet that the workbook does not use: docling has read the others.
        return ()
    if not missing:
        return ()
    return (f"{missing:,} formulas hold no computed value, so that their cells are empty: open the file in its program and save it",)


def _sheets(data: bytes) -> Iterator[bytes]:
    left = _MAX_SCANNED
    with zipfile.ZipFile(BytesIO(data)) as container:
        for name in container.namelist():
            if name.startswith("xl/worksheets/") and left > 0:
                with container.open(name) as member:
                    sheet = member.read(left)
                left -= len(sheet)
                yield sheet


def _mark_up(document: DoclingDocument) -> None:
    """Footnotes and formulas of Markdown, which docling takes for paragraphs."""
    from docling_core.types.doc.items.text import FormulaItem
    from docling_core.types.doc.labels import DocItemLabel

    for index, item in enumerate(document.texts):
        if item.label is not DocItemLabel.TEXT:
            continue
        if _FOOTNOTE.match(item.text):
            item.label = DocItemLabel.FOOTNOTE
        elif formula := _FORMULA.fullmatch(item.text.strip()):
            fields: dict[str, Any] = {"self_ref": item.self_ref, "parent": item.parent, "children": item.children}
            document.texts[index] = FormulaItem(**fields, orig=item.orig, text=formula[1].strip(), content_layer=item.content_layer)


def _add_front(document: DoclingDocument, front: str) -> None:
    from docling_core.types.doc.labels import DocItemLabel

    if document.body.children:
        document.insert_text(document.body.children[0].resolve(document), DocItemLabel.TEXT, front, after=False)
    else:
        document.add_text(DocItemLabel.TEXT, front)
