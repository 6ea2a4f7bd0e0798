"""How the lines of text lie in a picture of a page."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

Grey = np.ndarray[Any, np.dtype[np.uint8]]

_SIDE = 900
"""Pixels of the longer side while the angle is looked for: lines of 8 points are still 8 pixels apart."""
_MAX_SKEW = 12.0
_LYING = 1.5
"""Times as sharp as the rows must the columns be before the text counts as lying on its side."""
_SHARPER = 1.1
"""Times as sharp must a turned picture's rows be before it counts as skewed: pictures without text have no direction."""
_STRAIGHT = 0.3
"""Degrees: less shifts the end of a line by less than a third of its height."""


@dataclass(frozen=True, slots=True)
class Orientation:
    """The turn that brings the text upright or on its head."""

    lying: bool
    """The lines run from top to bottom."""
    skew: float
    """Degrees by which the lines fall to the right, after a quarter turn clockwise where they lie."""


def orientation(grey: Grey) -> Orientation:
    """From projection profiles: the rows of a page of straight lines are in turn full of ink and empty.

    The sum of the squared differences between neighbouring rows (Postl 1986) is largest at the angle of the lines.
    """
    ink = _ink(grey)
    if not ink.any():
        return Orientation(lying=False, skew=0.0)
    upright, upright_sharpness = _skew(ink)
    lying, lying_sharpness = _skew(np.ascontiguousarray(np.rot90(ink, -1)))
    if lying_sharpness > _LYING * upright_sharpness:
        return Orientation(lying=True, skew=lying)
    return Orientation(lying=False, skew=upright)


def _ink(grey: Grey) -> Grey:
    """1 where a pixel is darker or lighter than its surroundings, as letters are; at most `_SIDE` high and wide."""
    import cv2

    scale = _SIDE / max(grey.shape)
    small = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else grey
    difference = cv2.absdiff(small, cv2.medianBlur(small, 21))
    return (difference > 40).astype(np.uint8)


def _skew(ink: Grey) -> tuple[float, float]:
    """The angle of the lines, and how sharply their rows stand out at it."""
    straight = _sharpness(ink, 0.0)
    best, sharpest = 0.0, straight
    for reach, step in ((_MAX_SKEW, 1.0), (0.8, 0.2), (0.15, 0.05)):
        for angle in map(float, best + np.arange(-reach, reach + step / 2, step)):
            sharpness = _sharpness(ink, angle)
            if sharpness > sharpest:
                best, sharpest = angle, sharpness
    if sharpest < _SHARPER * straight or abs(best) < _STRAIGHT or abs(best) >= _MAX_SKEW:
        return 0.0, straight
    return best, sharpest


def _sharpness(ink: Grey, angle: float) -> float:
    """For small angles a shear does what a rotation does, and needs no interpolation."""
    import cv2

    if angle:
        height, width = ink.shape
        slope = math.tan(math.radians(angle))
        shear = np.array([[1.0, 0.0, 0.0], [-slope, 1.0, slope * width / 2]])
        ink = np.asarray(cv2.warpAffine(ink, shear, (width, height), flags=cv2.INTER_NEAREST), np.uint8)
    rows = ink.sum(axis=1, dtype=np.float64)
    return float(np.square(np.diff(rows)).sum())
