"""Pictures in documents: which are worth keeping, and how they become files beside the document's local copy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docpipe.isolate import Answer
from docpipe.models import Box, Figure
from docpipe.parse.figure.figure_limits import FigureLimits
from docpipe.parse.page import route
from docpipe.parse.page.pages import open_document
from docpipe.parse.parts import leave

if TYPE_CHECKING:
    from docling_core.types.doc.document import DoclingDocument
    from PIL.Image import Image

_DPI = 150
_LONGEST_SIDE = 1_600
"""Pixels; the vision models in use look at no more."""
_SMALLEST_SIDE = 36.0
"""Points, half an inch: what is smaller is an icon, a bullet or a line, unless it has a caption."""
_SMALLEST_PIXELS = 48
"""The same at the 96 dpi that formats without points are drawn at."""
_MOST_STRETCHED = 12.0
"""Longer and thinner than this is a rule or a border."""
_JPEG_QUALITY = 88
_JPEG_GAIN = 2.5
"""A photograph is this many times smaller as JPEG and no worse; a drawing is smaller, or nearly, as PNG, and sharp."""


def candidates(document: DoclingDocument) -> tuple[Figure, ...]:
    """The pictures with a place on a page that are worth cutting out, in reading order; none is cut out yet."""
    found = []
    for item in document.pictures:
        if not item.prov or item.prov[0].page_no not in document.pages:
            continue
        place = item.prov[0]
        edges = place.bbox.to_top_left_origin(document.pages[place.page_no].size.height)
        if _is_worth_it(edges.r - edges.l, edges.b - edges.t, _SMALLEST_SIDE, captioned=bool(item.captions)):
            left, top, right, bottom = (round(float(edge), 1) for edge in (edges.l, edges.t, edges.r, edges.b))
            box = Box(page=place.page_no, left=left, top=top, right=right, bottom=bottom)
            found.append(Figure(reference=item.self_ref, page=place.page_no, box=box))
    return tuple(found)


def crop(path: str, media_type: str, passwords: tuple[str, ...], figures: Sequence[Mapping[str, Any]]) -> Answer:
    """Task function for a worker: cut figures out of their pages, and leave them as files beside the document.

    The dict holds `figures`, those that were cut out, and `warnings`; a figure of one colour is left out without one.
    """
    source, done, warnings = Path(path), [], []
    with open_document(source, media_type, passwords) as document:
        for figure in map(Figure.model_validate, figures):
            try:
                picture = _cut_out(document, figure)
            except MemoryError:
                raise
            except Exception as error:  # noqa: BLE001 - a broken figure costs no other
                warnings.append(
                    f"page {figure.page}: figure {figure.reference} could not be cut out: {type(error).__name__}: {error}"[:500]
                )
                continue
            if picture is not None:
                done.append(_left(source, figure, picture))
    return {"figures": [one.model_dump(exclude_defaults=True) for one in done], "warnings": warnings}, b""


def keep_embedded(document: DoclingDocument, source: Path, limits: FigureLimits) -> tuple[tuple[Figure, ...], tuple[str, ...]]:
    """Take the pictures that a docling reader found out of its document and leave them as files; returns them, and warnings.

    For workers. The document keeps every picture's place and caption.
    """
    done: list[Figure] = []
    warnings: list[str] = []
    size = excess = 0
    for item in document.pictures:
        reference, item.image = item.image, None
        if reference is None or not limits.count:
            continue
        try:
            picture = reference.pil_image
            if picture is None or not _is_worth_it(*picture.size, _SMALLEST_PIXELS, captioned=bool(item.captions)):
                continue
            picture = _plain(picture)
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a stranger embedded: it costs no other
            warnings.append(f"figure {item.self_ref} cannot be read: {type(error).__name__}: {error}"[:500])
            continue
        if _is_empty(picture):
            continue
        if len(done) >= limits.count or size >= limits.size:
            excess += 1
            continue
        figure = Figure(reference=item.self_ref, page=item.prov[0].page_no if item.prov else 0)
        data, media_type = _encoded(picture)
        size += len(data)
        if size > limits.size:
            excess += 1
            continue
        done.append(_filled(figure, leave(source, data), media_type, picture))
    return tuple(done), (*warnings, *left_out(excess))


def within(figures: Sequence[Figure], limits: FigureLimits) -> tuple[Sequence[Figure], tuple[str, ...]]:
    """As many as may be cut out, and what to say of the others."""
    return figures[: limits.count], left_out(len(figures) - limits.count) if limits.count else ()


def left_out(excess: int) -> tuple[str, ...]:
    """The warning about figures that were not kept."""
    if excess <= 0:
        return ()
    return (f"{excess:,} figures were not kept: DOCPIPE_FIGURES or DOCPIPE_FIGURES_MB allows no more",)


def grouped(figures: Sequence[Figure], size: int) -> Iterator[tuple[Figure, ...]]:
    """Figures for one task each."""
    for start in range(0, len(figures), size):
        yield tuple(figures[start : start + size])


def _is_worth_it(width: float, height: float, smallest: float, *, captioned: bool) -> bool:
    short, long = sorted((abs(width), abs(height)))
    if captioned:
        return short >= smallest / 4
    return short >= smallest and long <= short * _MOST_STRETCHED


def _cut_out(document: Any, figure: Figure) -> Image | None:
    """The figure as it is seen on its page, with what is drawn over it; None where there is nothing to see."""
    import pymupdf
    from PIL import Image

    page = document.load_page(figure.page - 1)
    page.remove_rotation()
    if problem := route.unrenderable(page):
        raise ValueError(problem)
    if figure.box is None:
        raise ValueError("it has no place")
    box = figure.box
    clip = pymupdf.Rect(box.left, box.top, box.right, box.bottom) & page.rect
    if clip.is_empty:
        return None
    scale = min(_DPI / 72, _LONGEST_SIDE / max(clip.width, clip.height))
    pixels = page.get_pixmap(matrix=pymupdf.Matrix(scale, scale), clip=clip, colorspace=pymupdf.csRGB, alpha=False)
    picture = Image.frombytes("RGB", (pixels.width, pixels.height), pixels.samples)
    return None if _is_empty(picture) else picture


def _plain(picture: Image) -> Image:
    """In red, green and blue on white, and no larger than is looked at."""
    from PIL import Image

    longest = max(picture.size)
    if picture.width * picture.height > route.MAX_IMAGE_PIXELS:
        raise ValueError(f"{picture.width:,} × {picture.height:,} pixels are too many")
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        seen = picture.convert("RGBA")
        ground = Image.new("RGBA", seen.size, "white")
        picture = Image.alpha_composite(ground, seen)
    picture = picture.convert("RGB")
    if longest > _LONGEST_SIDE:
        picture.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE))
    return picture


def _is_empty(picture: Image) -> bool:
    return all(low == high for low, high in picture.getextrema())  # type: ignore[misc]


def _encoded(picture: Image) -> tuple[bytes, str]:
    """The file and its media type."""
    drawing, photograph = BytesIO(), BytesIO()
    picture.save(drawing, "PNG")
    picture.save(photograph, "JPEG", quality=_JPEG_QUALITY)
    if photograph.tell() * _JPEG_GAIN < drawing.tell():
        return photograph.getvalue(), "image/jpeg"
    return drawing.getvalue(), "image/png"


def _left(source: Path, figure: Figure, picture: Image) -> Figure:
    data, media_type = _encoded(picture)
    return _filled(figure, leave(source, data), media_type, picture)


def _filled(figure: Figure, sha256: str, media_type: str, picture: Image) -> Figure:
    return figure.model_copy(update={"sha256": sha256, "media_type": media_type, "width": picture.width, "height": picture.height})
