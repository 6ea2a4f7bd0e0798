"""Pages by docling's own layout and table models, where their weights are there."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docpipe.errors import ConfigurationError, ParseFailed
from docpipe.parse.model_files import hashes
from docpipe.parse.page.element import Element, Rectangle, clean

if TYPE_CHECKING:
    from docling_core.types.doc.document import DoclingDocument

_LAYOUT = "docling-project--docling-layout-heron"
_TABLES = "docling-project--docling-models/model_artifacts/tableformer/accurate"
_FILES = (
    f"{_LAYOUT}/config.json",
    f"{_LAYOUT}/model.safetensors",
    f"{_LAYOUT}/preprocessor_config.json",
    f"{_TABLES}/tableformer_accurate.safetensors",
    f"{_TABLES}/tm_config.json",
)
_PACKAGES = ("torch", "torchvision", "transformers", "docling_ibm_models")


def check(folder: str) -> None:
    """Raise `ConfigurationError` where a file of the models, or a package that runs them, is missing."""
    missing = [name for name in _FILES if not (Path(folder) / name).is_file()]
    if missing:
        raise ConfigurationError(
            f"DOCPIPE_DOCLING_MODELS: {folder} lacks {', '.join(missing)}; fill it with "
            f"`docling-tools models download layout tableformer -o {folder}`, or unset the variable"
        )
    absent = [name for name in _PACKAGES if find_spec(name) is None]
    if absent:
        raise ConfigurationError(
            f"DOCPIPE_DOCLING_MODELS needs packages that are not installed ({', '.join(absent)}): pip install 'docpipe[full-docling]'"
        )


def models(folder: str) -> dict[str, str]:
    """The sha256 of every file of the models."""
    return hashes(folder, _FILES)


def elements(page: Any, folder: str) -> tuple[Element, ...]:
    """What the models find on an unrotated PDF page, in reading order. Raises `ParseFailed` where they give up."""
    import pymupdf
    from docling.backend.docling_parse_backend import DoclingParseDocumentBackend
    from docling.datamodel.base_models import ConversionStatus, DocumentStream, InputFormat
    from docling.datamodel.document import InputDocument

    # The page alone: docling opens what it is given anew each time, and a password is of no concern to it.
    with pymupdf.open() as single:
        single.insert_pdf(page.parent, from_page=page.number, to_page=page.number)
        data = BytesIO(single.tobytes())
    stream = DocumentStream(name="page.pdf", stream=data)
    source = InputDocument(path_or_stream=stream.stream, format=InputFormat.PDF, backend=DoclingParseDocumentBackend, filename=stream.name)
    result = _pipeline(folder).execute(source, raises_on_error=True)
    if result.status is not ConversionStatus.SUCCESS:
        raise ParseFailed(f"docling's models could not read the page: {'; '.join(error.error_message for error in result.errors)}")
    return of_document(result.document)


@cache
def _pipeline(folder: str) -> Any:
    check(folder)
    from docling.datamodel.accelerator_options import AcceleratorDevice, AcceleratorOptions
    from docling.datamodel.pipeline_options import ThreadedPdfPipelineOptions
    from docling.pipeline.standard_pdf_pipeline import StandardPdfPipeline

    options = ThreadedPdfPipelineOptions(
        artifacts_path=Path(folder),
        do_ocr=False,
        do_table_structure=True,
        generate_page_images=False,
        generate_picture_images=False,
        accelerator_options=AcceleratorOptions(device=AcceleratorDevice.AUTO, num_threads=1),
    )
    return StandardPdfPipeline(options)


def of_document(document: DoclingDocument) -> tuple[Element, ...]:
    """The items of a document of one page, furniture included."""
    from docling_core.types.doc.common.content_layer import ContentLayer
    from docling_core.types.doc.items.node import FloatingItem
    from docling_core.types.doc.items.picture.picture import PictureItem
    from docling_core.types.doc.items.table.table import TableItem
    from docling_core.types.doc.items.text import SectionHeaderItem, TextItem

    found: list[Element] = []
    owners: dict[str, int] = {}
    captions: dict[int, str] = {}
    for item, depth in document.iterate_items(included_content_layers={ContentLayer.BODY, ContentLayer.FURNITURE}, traverse_pictures=True):
        if not isinstance(item, TextItem | TableItem | PictureItem) or not item.prov:
            continue
        box = _box(item, document)
        if isinstance(item, FloatingItem):
            owners |= {caption.cref: len(found) for caption in item.captions}
        if isinstance(item, TableItem):
            found.append(_table(item, box))
        elif isinstance(item, PictureItem):
            found.append(Element("picture", "", box))
        elif text := clean(item.text).strip():
            captions[len(found)] = item.self_ref
            level = item.level if isinstance(item, SectionHeaderItem) else max(0, depth - 2) if item.label.value == "list_item" else 0
            found.append(Element(item.label.value, text, box, level=level))
    return tuple(
        Element(one.label, one.text, one.box, caption_of=owners[captions[index]]) if captions.get(index) in owners else one
        for index, one in enumerate(found)
    )


def _box(item: Any, document: DoclingDocument) -> Rectangle:
    place = item.prov[0]
    size = document.pages[place.page_no].size
    box = place.bbox.to_top_left_origin(size.height)
    return (float(box.l), float(box.t), float(box.r), float(box.b))


def _table(item: Any, box: Rectangle) -> Element:
    data = item.data
    rows = [["" for _ in range(data.num_cols)] for _ in range(data.num_rows)]
    spans = []
    for cell in data.table_cells:
        row, column = cell.start_row_offset_idx, cell.start_col_offset_idx
        rows[row][column] = clean(cell.text)
        if cell.row_span > 1 or cell.col_span > 1:
            spans.append((row, column, cell.row_span, cell.col_span))
    headers = {row for cell in data.table_cells if cell.column_header for row in range(cell.start_row_offset_idx, cell.end_row_offset_idx)}
    header_rows = next((row for row in range(data.num_rows) if row not in headers), data.num_rows)
    return Element("table", "", box, rows=tuple(map(tuple, rows)), spans=tuple(spans), header_rows=header_rows)
