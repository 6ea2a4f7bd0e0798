"""Arithmetic of rectangles on a page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from docpipe.parse.page.element import Rectangle, union


def area(box: Rectangle) -> float:
    """In square points."""
    return (box[2] - box[0]) * (box[3] - box[1])


def overlap(one: Rectangle, other: Rectangle) -> float:
    """Square points that both cover."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return max(0.0, width) * max(0.0, height)


def clipped(box: Sequence[float], rect: Any) -> Rectangle:
    """The part on a page with this rectangle of PyMuPDF."""
    return (max(box[0], rect.x0), max(box[1], rect.y0), min(box[2], rect.x1), min(box[3], rect.y1))


def joined(boxes: Sequence[Rectangle], touching: float) -> list[Rectangle]:
    """Rectangles at most `touching` points apart as the one around them, until none of them is left that touches another.

    In time that grows with the square of their number: callers set a limit to it.
    """
    found: list[Rectangle] = []
    for box in boxes:
        whole = box
        while near := [one for one in found if overlap(one, _grown(whole, touching)) > 0]:
            found = [one for one in found if one not in near]
            whole = union([whole, *near])
        found.append(whole)
    return found


def _grown(box: Rectangle, points: float) -> Rectangle:
    return (box[0] - points, box[1] - points, box[2] + points, box[3] + points)
