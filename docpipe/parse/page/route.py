"""Which reader a page gets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from docpipe.parse.ocr import pictured_text
from docpipe.parse.page import legibility, prose
from docpipe.parse.page.drawn import drawn
from docpipe.parse.page.element import Rectangle
from docpipe.parse.page.page_text import PageText
from docpipe.settings import Settings

# The layout model renders at 72 dpi, so that this is also the number of its pixels: 75 MB.
MAX_PAGE_AREA = 25_000_000.0
MAX_IMAGE_PIXELS = 100_000_000
_FEW_LETTERS = 20
"""Characters without white space; with fewer, shapes that may be letters are counted."""
_SCAN = 0.6
"""Share of the page under pictures from which invisible text is an earlier OCR's."""
_MESSY = 0.15
"""Share of misread words from which an earlier OCR's text is compared with our own."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Where one reader ends and the next begins; each is the setting `DOCPIPE_ROUTE_…` of its name."""

    bad_characters: float = 0.1
    few_characters: int = 50
    image_share: float = 0.2
    faint_image_share: float = 0.02
    shapes: int = 200
    layout_characters: int = 100_000
    prose: bool = True
    prose_long_lines: float = 0.6
    prose_shapes: int = 4
    picture_share: float = 0.06

    @classmethod
    def from_settings(cls, settings: Settings) -> Thresholds:
        return cls(**{name: getattr(settings, f"route_{name}") for name in cls.__slots__})


@dataclass(frozen=True, slots=True)
class Route:
    """The reader, and why it."""

    name: str
    """text, layout, docling, ocr, or blank."""
    reason: str
    problem: str = ""
    """What keeps the page from being rendered; empty where nothing does."""
    doubtful: bool = False
    """The page has text that may be wrong: OCR is to confirm it, and the better of the two is kept."""
    pictures: tuple[Rectangle, ...] = ()
    """Pictures that seem to hold text, to be read by OCR beside the text of the page."""


def choose(page: Any, thresholds: Thresholds | None = None, page_text: PageText | None = None) -> Route:
    """The cheapest reader that does an unrotated PDF page justice.

    The text alone decides most pages; what is drawn is looked at only where it may change the decision. On 124 pages
    that PyMuPDF's own model wanted to be read by OCR, 82 had 200 good characters or more; this rule sends those to the
    layout reader and costs a tenth.
    """
    limits = thresholds or Thresholds()
    page_text = page_text or PageText(page)
    shown = "\n".join(["\n".join(lines) for lines in page_text.texts])
    characters = legibility.characters(shown)
    images = page.parent.get_page_images(page.number)
    width, height = page_text.size
    problem = _unrenderable(width, height, images)
    if problem:
        return Route("text" if characters else "blank", problem, problem)
    bad = legibility.bad_share(shown)
    if bad > limits.bad_characters:
        return Route("ocr", f"{bad:.0%} of the characters cannot be read")
    if characters < max(_FEW_LETTERS, limits.few_characters):
        return _nearly_empty(page, characters, limits)
    if characters > limits.layout_characters:
        return Route("text", f"{characters:,} characters are too many for the layout model")
    if doubt := legibility.suspicion(shown):
        return Route("ocr", f"the text may be wrong: {doubt}", doubtful=True)
    obstacle = prose.obstacle(page_text, width, height, limits.prose_long_lines) if limits.prose else "not looked for"
    if obstacle and not images:
        return Route("layout", f"{characters:,} characters; {obstacle}")
    log = drawn(page)
    if _is_scan(log, width * height) and (mess := legibility.mess(shown)) > _MESSY:
        return Route("ocr", f"the text under the scan may be wrong: {mess:.0%} of its words look misread", doubtful=True)
    obstacle = obstacle or prose.drawn_obstacle(log, width * height, limits.faint_image_share, limits.prose_shapes)
    if not obstacle:
        return Route("text", f"{characters:,} characters of simple prose")
    lines = [line["bbox"] for block in page_text.blocks for line in block["lines"]]
    pictures = pictured_text.pictures(page, log, lines, limits.picture_share) if images else ()
    found = f"; {len(pictures)} picture{'s' * (len(pictures) > 1)} with text" if pictures else ""
    return Route("layout", f"{characters:,} characters; {obstacle}{found}", pictures=pictures)


def _nearly_empty(page: Any, characters: int, limits: Thresholds) -> Route:
    log = drawn(page)
    area = max(1.0, abs(page.rect.width * page.rect.height))
    images = sum(_visible(box, page.rect) for kind, box in log if kind in ("fill-image", "fill-imgmask")) / area
    if characters < limits.few_characters and images > limits.image_share:
        return Route("ocr", f"{characters} characters, and images on {min(images, 1.0):.0%} of the page")
    if characters >= _FEW_LETTERS:
        return Route("layout", f"{characters} characters")
    shapes = sum(kind in ("fill-path", "stroke-path") for kind, _ in log)
    if shapes > limits.shapes:
        return Route("ocr", f"{characters} characters, and {shapes:,} shapes that may be letters")
    if characters:
        return Route("layout", f"{characters} characters")
    if images > limits.faint_image_share:
        return Route("ocr", f"no text, and images on {min(images, 1.0):.0%} of the page")
    return Route("blank", "blank")


def _is_scan(log: Sequence[tuple[str, Rectangle]], area: float) -> bool:
    """Whether the text is invisible, as an earlier OCR leaves it, over pictures of most of the page."""
    pictures = sum((box[2] - box[0]) * (box[3] - box[1]) for kind, box in log if kind in ("fill-image", "fill-imgmask"))
    return pictures > _SCAN * area and any(kind == "ignore-text" for kind, _ in log)


def _visible(box: Rectangle, rect: Any) -> float:
    width = min(box[2], rect.x1) - max(box[0], rect.x0)
    height = min(box[3], rect.y1) - max(box[1], rect.y0)
    return float(max(0.0, width) * max(0.0, height))


def unrenderable(page: Any) -> str:
    """What keeps the page from being rendered within a worker's memory; empty where nothing does."""
    rect = page.rect
    return _unrenderable(float(rect.width), float(rect.height), page.parent.get_page_images(page.number))


def _unrenderable(width: float, height: float, images: Sequence[Sequence[Any]]) -> str:
    if abs(width * height) > MAX_PAGE_AREA:
        return f"the page measures {width:,.0f} × {height:,.0f} points, too large to render"
    largest = max((image[2] * image[3] for image in images), default=0)
    if largest > MAX_IMAGE_PIXELS:
        return f"an image has {largest / 1_000_000:,.0f} megapixels, too large to render"
    return ""
