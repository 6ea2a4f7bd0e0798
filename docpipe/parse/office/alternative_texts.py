"""Alternative texts of pictures in Office documents, which docling does not read, as their captions."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from io import BytesIO
from typing import TYPE_CHECKING, Any

from docpipe.parse import formats

if TYPE_CHECKING:
    from docling_core.types.doc.document import DoclingDocument
    from docling_core.types.doc.items.picture.picture import PictureItem

_DRAWING = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}drawing"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_SHOWN = ("{*}blip", "{http://schemas.openxmlformats.org/drawingml/2006/chart}chart")
_MAX_GROUPS = 20
_LONGEST_WARNING = 500
_MAX_PART = 128 * 1024 * 1024
_NEAR = 2.0
"""English Metric Units that rounding may move an edge by."""


def add(document: DoclingDocument, media_type: str, data: bytes) -> tuple[str, ...]:
    """Give each picture without a caption the text that its author wrote for those who cannot see it; returns warnings."""
    texts = _of_slides(document, data) if media_type == formats.PPTX else _of_pages(document, data)
    try:
        for picture, text in texts:
            _caption(document, picture, " ".join(text.split()))
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - docling has read the document, and a text of a picture must not cost it
        return (f"alternative texts of pictures may be missing: {type(error).__name__}: {error}"[:_LONGEST_WARNING],)
    return ()


def _caption(document: DoclingDocument, picture: PictureItem, text: str) -> None:
    from docling_core.types.doc.labels import DocItemLabel

    if text and not picture.captions:
        caption = document.add_text(DocItemLabel.CAPTION, text, parent=picture, content_layer=picture.content_layer)
        picture.captions.append(caption.get_ref())


def _of_slides(document: DoclingDocument, data: bytes) -> Iterator[tuple[PictureItem, str]]:
    """By slide and place, in the units of the file."""
    from pptx import Presentation

    if not document.pictures:
        return
    places: dict[int, list[PictureItem]] = {}
    for picture in document.pictures:
        if picture.prov:
            places.setdefault(picture.prov[0].page_no, []).append(picture)
    for number, slide in enumerate(Presentation(BytesIO(data)).slides, 1):
        if number not in places:
            continue
        for left, top, text in _shapes(slide.shapes):
            for picture in places[number]:
                box = picture.prov[0].bbox.to_top_left_origin(document.pages[number].size.height)
                if abs(box.l - left) <= _NEAR and abs(box.t - top) <= _NEAR:
                    yield picture, text


def _shapes(shapes: Any, depth: int = 0) -> Iterator[tuple[float, float, str]]:
    for shape in shapes:
        if hasattr(shape, "shapes") and depth < _MAX_GROUPS:
            yield from _shapes(shape.shapes, depth + 1)
            continue
        for properties in shape._element.iter("{*}cNvPr"):  # noqa: SLF001 - alternative texts have no public name
            if (text := properties.get("descr")) and shape.left is not None and shape.top is not None:
                yield float(shape.left), float(shape.top), str(text)
            break


def _of_pages(document: DoclingDocument, data: bytes) -> Iterator[tuple[PictureItem, str]]:
    """By order, where docling found as many pictures as there are drawings that show one."""
    from lxml import etree

    if not document.pictures:
        return
    with zipfile.ZipFile(BytesIO(data)) as container:
        part = next((name for name in container.namelist() if name.startswith("word/document") and name.endswith(".xml")), None)
        if part is None or container.getinfo(part).file_size > _MAX_PART:
            return
        source = container.read(part)
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    drawings = [one for one in etree.fromstring(source, parser).iter(_DRAWING) if _shows(one)]
    if len(drawings) == len(document.pictures):
        for picture, drawing in zip(document.pictures, drawings, strict=True):
            yield picture, next((text for one in drawing.iter("{*}docPr") if (text := one.get("descr"))), "")


def _shows(drawing: Any) -> bool:
    shown = any(next(drawing.iter(kind), None) is not None for kind in _SHOWN)
    return shown and next(drawing.iterancestors(_FALLBACK), None) is None
