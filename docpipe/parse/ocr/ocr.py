"""Text from a picture, by RapidOCR with the models in its package."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from docpipe.parse.ocr.orientation import orientation
from docpipe.parse.page.element import Rectangle
from docpipe.parse.page.words import Word

Image = np.ndarray[Any, np.dtype[np.uint8]]

_DPI = 150
_MAX_PIXELS = 8_000_000
_DETECTOR_SIDE = 1_600
"""Pixels of the longer side that the detector sees: finds the same lines as at twice it, at a fifth of the cost."""
_SURE = 0.85
_KEPT = 0.5
"""Lines read with less confidence are rubbish: RapidOCR's own limit."""
_VOTERS = 9
"""The longest lines, which say whether the page stands on its head."""


@dataclass(frozen=True, slots=True)
class Recognition:
    """What was read from one picture."""

    words: tuple[Word, ...]
    """One for each line found, or for each word where the engine tells them apart; boxes in points on the upright picture."""
    image: Image
    """The picture turned as its text stands, RGB, shape (height, width, 3)."""
    scale: float
    """Pixels a point."""
    turn: int
    """Quarter turns clockwise that brought the picture upright: 0 to 3."""
    skew: float
    """Degrees anticlockwise by which it was turned besides."""
    matrix: np.ndarray[Any, np.dtype[np.float64]]
    """From points on the upright picture to points on the picture as it is, shape (2, 3)."""
    confidence: float
    """Mean over what was found, by its length; 0 where nothing was."""

    @property
    def size(self) -> tuple[float, float]:
        """Width and height of the upright picture in points."""
        height, width = self.image.shape[:2]
        return width / self.scale, height / self.scale

    def placed(self, box: Rectangle) -> Rectangle:
        """The rectangle around a box of the upright picture, on the picture as it is."""
        left, top, right, bottom = box
        corners = np.array([(left, top, 1), (right, top, 1), (right, bottom, 1), (left, bottom, 1)]) @ self.matrix.T
        (x, y), (far_x, far_y) = corners.min(axis=0), corners.max(axis=0)
        return (float(x), float(y), float(far_x), float(far_y))


def render(page: Any, clip: Rectangle | None = None) -> tuple[Image, float]:
    """The page or a part of it in RGB, and the pixels a point.

    150 dpi read as well as 200 or better on 12 scans, at less cost.
    """
    import pymupdf

    rect = pymupdf.Rect(clip) if clip else page.rect
    area = max(1.0, rect.width * rect.height)
    scale = min(_DPI / 72, math.sqrt(_MAX_PIXELS / area))
    picture = page.get_pixmap(matrix=pymupdf.Matrix(scale, scale), clip=rect, colorspace=pymupdf.csRGB, alpha=False)
    return np.frombuffer(picture.samples, np.uint8).reshape(picture.height, picture.width, 3), scale


def recognize(image: Image, scale: float) -> Recognition:
    """Read a picture however it lies: turned by quarters, on its head, or skewed by some degrees."""
    straight = straighten(image, scale)
    best = _either_way(straight)
    # Vertical scripts lie although they are upright.
    if straight.turn % 2 and best.confidence < _SURE:
        best = _better(best, _either_way(turned(straight, 1)))
    return best


def _either_way(unread: Recognition) -> Recognition:
    """Read as its lines stand; where little can be read like that, on its head too, unless there are no lines at all."""
    found = read(unread)
    return found if found.confidence >= _SURE or not found.confidence else _better(found, _upside_down(found))


def _better(one: Recognition, other: Recognition) -> Recognition:
    return max(one, other, key=lambda found: (found.confidence, len(found.words)))


def _upside_down(found: Recognition) -> Recognition:
    """The same read on its head; unread where its lines say again which way is up: to read them twice would change nothing."""
    other = turned(found, 2)
    boxes, crops = _detected(other.image)
    return other if not crops or _on_its_head(crops) else _with_lines(other, boxes, crops)


def straighten(image: Image, scale: float) -> Recognition:
    """The picture turned so that its lines run from left to right, unread; it may still stand on its head."""
    import cv2

    found = orientation(np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8))
    identity = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    unread = Recognition((), image, scale, 0, 0.0, identity, 0.0)
    if found.lying:
        unread = turned(unread, 1)
    return _deskewed(unread, found.skew) if found.skew else unread


def turned(unread: Recognition, turn: int) -> Recognition:
    """The picture after some more quarter turns clockwise, unread."""
    found = unread
    for _ in range(turn):
        height = found.image.shape[0] / found.scale
        # A point (x, y) of the turned picture was (y, height - x) before.
        back = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, height], [0.0, 0.0, 1.0]])
        found = replace(found, image=np.rot90(found.image, -1), turn=(found.turn + 1) % 4, matrix=found.matrix @ back)
    return replace(found, words=(), confidence=0.0, image=np.ascontiguousarray(found.image))


def _deskewed(unread: Recognition, angle: float) -> Recognition:
    import cv2

    height, width = unread.image.shape[:2]
    cosine, sine = abs(math.cos(math.radians(angle))), abs(math.sin(math.radians(angle)))
    new_width, new_height = math.ceil(width * cosine + height * sine), math.ceil(width * sine + height * cosine)
    forward = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1.0)
    forward[:, 2] += ((new_width - width) / 2, (new_height - height) / 2)
    background = tuple(int(value) for value in np.median(unread.image[:: max(1, height // 50), :: max(1, width // 50)], axis=(0, 1)))
    image = cv2.warpAffine(unread.image, forward, (new_width, new_height), flags=cv2.INTER_CUBIC, borderValue=background)
    back = np.vstack([cv2.invertAffineTransform(forward), (0.0, 0.0, 1.0)])
    back[:2, 2] /= unread.scale
    return replace(unread, image=np.asarray(image, np.uint8), skew=angle, matrix=unread.matrix @ back)


def read(unread: Recognition) -> Recognition:
    """Find and recognize the lines of a picture; it is turned on its head first where its lines stand so."""
    boxes, crops = _detected(unread.image)
    if not crops:
        return unread
    if _on_its_head(crops):
        # Found again: lines found upside down lie a little off, and the layout model notices.
        unread = turned(unread, 2)
        boxes, crops = _detected(unread.image)
        if not crops:
            return unread
    return _with_lines(unread, boxes, crops)


def _with_lines(unread: Recognition, boxes: Sequence[Any], crops: Sequence[Image]) -> Recognition:
    texts, scores = _recognized(crops)
    lines = [
        _word(box, text.strip(), number, unread.scale)
        for number, (box, text, score) in enumerate(zip(boxes, texts, scores, strict=True))
        if text.strip() and score >= _KEPT
    ]
    weights = [max(1, len(text)) for text in texts]
    return replace(unread, words=tuple(lines), confidence=float(np.average(scores, weights=weights)))


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


@dataclass(frozen=True, slots=True)
class _Engine:
    detector: Any
    classifier: Any
    recognizer: Any


@cache
def _engine() -> _Engine:
    from rapidocr import RapidOCR
    from rapidocr.ch_ppocr_cls import TextClassifier
    from rapidocr.ch_ppocr_det import TextDetector
    from rapidocr.ch_ppocr_rec import TextRecognizer

    # The parts one by one: RapidOCR's own pipeline offers no way to turn a page between finding its lines and reading them.
    settings = RapidOCR(
        params={
            "Global.log_level": "critical",
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            # Lines differ in length: on one core the padding of a batch costs more than the batch saves.
            "Rec.rec_batch_num": 1,
        }
    ).cfg
    for part in (settings.Det, settings.Cls, settings.Rec):
        part.engine_cfg = settings.EngineConfig[part.engine_type.value]
        part.model_root_dir = settings.Global.model_root_dir
    settings.Rec.font_path = None
    return _Engine(TextDetector(settings.Det), TextClassifier(settings.Cls), TextRecognizer(settings.Rec))


def _detected(image: Image) -> tuple[list[Any], list[Image]]:
    """Corners of each line in pixels, shape (4, 2), from the top left clockwise; and its picture in BGR, laid straight."""
    import cv2
    from rapidocr.utils.process_img import get_rotate_crop_image

    # Its models were trained on BGR.
    bgr = np.ascontiguousarray(image[:, :, ::-1])
    ratio = min(1.0, _DETECTOR_SIDE / max(image.shape[:2]))
    small = cv2.resize(bgr, None, fx=ratio, fy=ratio, interpolation=cv2.INTER_AREA) if ratio < 1 else bgr
    found = _engine().detector(small).boxes
    if found is None:
        return [], []
    boxes = [np.asarray(box, np.float32) / ratio for box in found]
    return boxes, [np.ascontiguousarray(get_rotate_crop_image(bgr, box.copy())) for box in boxes]


def _on_its_head(crops: Sequence[Image]) -> bool:
    longest = sorted(crops, key=lambda crop: crop.shape[1] / crop.shape[0], reverse=True)[:_VOTERS]
    votes = _engine().classifier(longest).cls_res
    return bool(sum(score if label == "180" else -score for label, score in votes) > 0)


def _recognized(crops: Sequence[Image]) -> tuple[Sequence[str], Sequence[float]]:
    from rapidocr.ch_ppocr_rec import TextRecInput

    found = _engine().recognizer(TextRecInput(img=list(crops), return_word_box=False))
    return found.txts, found.scores
