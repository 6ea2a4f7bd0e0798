"""Pictures on a page that seem to hold text which the page's own text does not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from docpipe.parse.page.element import Rectangle
from docpipe.parse.page.rectangles import area, clipped, joined, overlap

_DPI = 60
"""Lines of text are still rows of their own at this resolution, and 1 ms renders a quarter of a page."""
_MAX_PICTURES = 8
"""Of one page, the largest first; what is smaller is rarely text worth the seconds."""
_MOST_IMAGES = 500
"""On one page: more are letters or strokes, and joining them would take long."""
_TOUCHING = 1.0
"""Points between two strips of one picture."""
_COVERED = 0.02
"""Share of the picture under lines of the page's text: more is an earlier OCR's layer, or labels."""
_BACKGROUND = 0.6
"""Share of the pixels within a sixteenth of the commonest grey: paper has more, photographs less."""
_INK = (0.01, 0.35)
"""Share of the pixels that stand out from the background."""
_TEXT_ROWS = 0.12
"""Share of the rows with many changes between ink and background; drawings and logos have fewer."""
_CHANGES = 0.06
"""Changes a pixel that make a row one of text: a letter is about 6 pixels wide and makes two or more."""


def pictures(page: Any, log: Sequence[tuple[str, Rectangle]], lines: Sequence[Rectangle], share: float) -> tuple[Rectangle, ...]:
    """Those that cover at least `share` of the page, are not under its text, and look like text.

    `log` is that of `drawn`, `lines` the boxes of the page's lines of text; pictures that touch, such as the
    strips that scanners write, count as one.
    """
    rect = page.rect
    boxes = [clipped(box, rect) for kind, box in log if kind in ("fill-image", "fill-imgmask")]
    boxes = [box for box in boxes if box[2] - box[0] > 1 and box[3] - box[1] > 1]
    merged = joined(boxes, _TOUCHING) if len(boxes) <= _MOST_IMAGES else []
    large = sorted((box for box in merged if area(box) >= share * rect.width * rect.height), key=area, reverse=True)
    bare = [box for box in large if sum(overlap(box, line) for line in lines) < _COVERED * area(box)]
    return tuple(box for box in bare[:_MAX_PICTURES] if _like_text(page, box))


def _like_text(page: Any, box: Rectangle) -> bool:
    import pymupdf

    pixels = page.get_pixmap(dpi=_DPI, clip=pymupdf.Rect(box), colorspace=pymupdf.csGRAY, alpha=False)
    grey = np.frombuffer(pixels.samples, np.uint8).reshape(pixels.height, pixels.width)
    return looks_like_text(grey)


def looks_like_text(grey: np.ndarray[Any, np.dtype[np.uint8]]) -> bool:
    """Whether a grey picture, shape (height, width), has an even background with ink that changes as letters do."""
    if min(grey.shape) < 8:
        return False
    histogram = np.bincount(grey.ravel(), minlength=256)
    paper = int(histogram.argmax())
    distance = np.abs(grey.astype(np.int16) - paper)
    ink = distance > 48
    if (distance <= 16).mean() < _BACKGROUND or not _INK[0] <= ink.mean() <= _INK[1]:
        return False
    changes = np.abs(np.diff(ink.astype(np.int8), axis=1)).sum(axis=1)
    used = np.flatnonzero(ink.any(axis=0))
    width = used[-1] - used[0] + 1
    return bool((changes > _CHANGES * width).mean() >= _TEXT_ROWS)
