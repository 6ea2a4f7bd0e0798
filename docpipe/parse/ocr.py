"""Text from the picture of a page, by RapidOCR with the models in its package."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from docpipe.parse.element import Rectangle
from docpipe.parse.words import Word

_DPI = 150
_MAX_PIXELS = 8_000_000
_SURE = 0.85


@dataclass(frozen=True, slots=True)
class Recognition:
    """What was read from one page."""

    words: tuple[Word, ...]
    """One for each line found; boxes in points on the page turned upright."""
    turn: int
    """Quarter turns clockwise that bring the page upright: 0 to 3."""
    confidence: float
    """Mean over the lines; 0 where there are none."""
    image: np.ndarray[Any, np.dtype[np.uint8]]
    """The upright page, RGB, shape (height, width, 3)."""
    scale: float
    """Pixels a point."""


@cache
def _engine() -> Any:
    from rapidocr import RapidOCR

    # Lines are not turned one by one: that would hide a page that stands on its head behind lines in reverse order.
    return RapidOCR(
        params={
            "Global.use_cls": False,
            "Global.log_level": "critical",
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
    )


def recognize(page: Any) -> Recognition:
    """Read an unrotated page, turned as its text stands.

    150 dpi read as well as 200 or better on 12 scans, at less cost.
    """
    import pymupdf

    area = max(1.0, page.rect.width * page.rect.height)
    scale = min(_DPI / 72, math.sqrt(_MAX_PIXELS / area))
    picture = page.get_pixmap(matrix=pymupdf.Matrix(scale, scale), colorspace=pymupdf.csRGB, alpha=False)
    image = np.frombuffer(picture.samples, np.uint8).reshape(picture.height, picture.width, 3)
    best = _read(image, 0, scale)
    turn = _suspected_turn(best)
    if turn:
        other = _read(image, turn, scale)
        if _score(other) > _score(best):
            best = other
    return best


def _read(image: np.ndarray[Any, np.dtype[np.uint8]], turn: int, scale: float) -> Recognition:
    upright = np.ascontiguousarray(np.rot90(image, -turn))
    found = _engine()(np.ascontiguousarray(upright[:, :, ::-1]))
    if found.boxes is None or found.txts is None:
        return Recognition((), turn, 0.0, upright, scale)
    lines = []
    for number, (box, text) in enumerate(zip(found.boxes, found.txts, strict=True)):
        if text.strip():
            lines.append(_word(box, text.strip(), number, scale))
    return Recognition(tuple(lines), turn, float(np.mean(found.scores)) if lines else 0.0, upright, scale)


def _word(corners: Any, text: str, number: int, scale: float) -> Word:
    box: Rectangle = (
        float(corners[:, 0].min()) / scale,
        float(corners[:, 1].min()) / scale,
        float(corners[:, 0].max()) / scale,
        float(corners[:, 1].max()) / scale,
    )
    # A guess, only to rank headings: the font fills four fifths of the detector's box; half points hide its jitter.
    height = float(np.linalg.norm(corners[3] - corners[0])) / scale
    return Word(text, box, number, 0, round(height * 0.8 * 2) / 2, bold=False)


def _suspected_turn(found: Recognition) -> int:
    """The recognizer reads a tall box from bottom to top: sure of it, the page needs three quarter turns, else one."""
    tall = sum(word.box[3] - word.box[1] > 1.5 * (word.box[2] - word.box[0]) for word in found.words if len(word.text) > 2)
    sure = found.confidence >= _SURE
    if found.words and tall * 2 > len(found.words):
        return 3 if sure else 1
    return 0 if sure or not found.words else 2


def _score(found: Recognition) -> float:
    tall = sum(word.box[3] - word.box[1] > 1.5 * (word.box[2] - word.box[0]) for word in found.words if len(word.text) > 2)
    # Tall lines are read, but in the wrong order: an upright reading of the same page is better.
    return found.confidence - (0.2 if found.words and tall * 2 > len(found.words) else 0.0)
