"""Lines that are drawn on a page, level or upright: what tables are ruled with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from docpipe.parse.page.element import Rectangle
from docpipe.parse.page.rectangles import joined

_THIN = 3.0
"""A filled rectangle of at most this many points is a line that was drawn as one."""
_SHORTEST = 4.0
_CHECKBOX = 15.0
"""Points of the side of a square that is there to be ticked: no row or column ends at it."""
_SAME = 2.5
"""Lines this close, in points, are one: the two edges of a stroke, or the frames of two cells."""
_MOST_STROKES = 1_000
_GRID = 3
"""Lines each way that make more than a frame: cells."""
_MAX_CONTENT = 4_000_000
"""Bytes of a page's content; beyond, it is a drawing, and looking for lines in it would take seconds."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """All that is drawn at one height, or at one distance from the left edge."""

    place: float
    """Points from the top or from the left edge."""
    segments: tuple[tuple[float, float], ...]
    """Start and end of each stroke; they rise and do not overlap."""

    def covers(self, start: float, end: float) -> float:
        """Share of a range that is drawn."""
        if end <= start:
            return 0.0
        drawn = sum(max(0.0, min(end, right) - max(start, left)) for left, right in self.segments)
        return drawn / (end - start)


@dataclass(frozen=True, slots=True)
class Rulings:
    """The lines of a page or of a table."""

    level: tuple[Ruling, ...] = ()
    upright: tuple[Ruling, ...] = ()

    def grids(self) -> list[Rectangle]:
        """The rectangles around lines that meet, of at least three each way, from the top; none where there are very many lines."""
        strokes = [(start, line.place, end, line.place) for line in self.level for start, end in line.segments]
        strokes += [(line.place, start, line.place, end) for line in self.upright for start, end in line.segments]
        if len(strokes) > _MOST_STROKES:
            return []
        around = joined([(left - 1.0, top - 1.0, right + 1.0, bottom + 1.0) for left, top, right, bottom in strokes], _SAME)
        found = [(left + 1.0, top + 1.0, right - 1.0, bottom - 1.0) for left, top, right, bottom in around]
        drawn = [(box, self.inside(box, _SAME)) for box in found]
        return sorted((box for box, own in drawn if min(len(own.level), len(own.upright)) >= _GRID), key=lambda box: box[1])

    def inside(self, box: Rectangle, margin: float = 10.0) -> Rulings:
        """Those within a rectangle, and a little beyond it: a frame stands apart from the text in it."""
        left, top, right, bottom = box
        return Rulings(
            _within(self.level, (top - margin, bottom + margin), (left - margin, right + margin)),
            _within(self.upright, (left - margin, right + margin), (top - margin, bottom + margin)),
        )


def rulings(page: Any) -> Rulings:
    """The lines of an unrotated PDF page, edges of filled areas included; none where the page is one large drawing."""
    if len(page.read_contents()) > _MAX_CONTENT:
        return Rulings()
    level: list[tuple[float, float, float]] = []
    upright: list[tuple[float, float, float]] = []
    for path in page.get_cdrawings():
        if path["type"] == "f" and (path.get("fill") or (1.0,))[:3] in ((1.0, 1.0, 1.0), (1.0,)):
            continue
        for kind, *points in path["items"]:
            if kind == "l":
                (left, top), (right, bottom) = points
                box = (min(left, right), min(top, bottom), max(left, right), max(top, bottom))
                if path["type"] != "f":
                    _add_line(box, level, upright)
            elif kind == "re":
                _add_rectangle(points[0], level, upright)
            elif kind == "qu":
                xs, ys = zip(*points[0], strict=True)
                _add_rectangle((min(xs), min(ys), max(xs), max(ys)), level, upright)
    return Rulings(_clustered(level), _clustered(upright))


def _add_line(box: Sequence[float], level: list[tuple[float, float, float]], upright: list[tuple[float, float, float]]) -> None:
    left, top, right, bottom = box
    if bottom - top <= 1.0 and right - left >= _SHORTEST:
        level.append(((top + bottom) / 2, left, right))
    elif right - left <= 1.0 and bottom - top >= _SHORTEST:
        upright.append(((left + right) / 2, top, bottom))


def _add_rectangle(box: Sequence[float], level: list[tuple[float, float, float]], upright: list[tuple[float, float, float]]) -> None:
    left, top, right, bottom = box
    if max(right - left, bottom - top) <= _CHECKBOX and min(right - left, bottom - top) > 0.8 * max(right - left, bottom - top):
        return
    if bottom - top <= _THIN or right - left <= _THIN:
        middle = ((left + right) / 2, (top + bottom) / 2)
        if bottom - top <= right - left:
            _add_line((left, middle[1], right, middle[1]), level, upright)
        else:
            _add_line((middle[0], top, middle[0], bottom), level, upright)
        return
    for y in (top, bottom):
        _add_line((left, y, right, y), level, upright)
    for x in (left, right):
        _add_line((x, top, x, bottom), level, upright)


def _clustered(lines: Iterable[tuple[float, float, float]]) -> tuple[Ruling, ...]:
    groups: list[list[tuple[float, float, float]]] = []
    for line in sorted(lines):
        if groups and line[0] - groups[-1][0][0] <= _SAME:
            groups[-1].append(line)
        else:
            groups.append([line])
    return tuple(Ruling(sum(line[0] for line in group) / len(group), _merged((start, end) for _, start, end in group)) for group in groups)


def _merged(segments: Iterable[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    merged: list[tuple[float, float]] = []
    for start, end in sorted(segments):
        if merged and start <= merged[-1][1] + _SAME:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return tuple(merged)


def _within(lines: Sequence[Ruling], places: tuple[float, float], along: tuple[float, float]) -> tuple[Ruling, ...]:
    kept = []
    for line in lines:
        if places[0] <= line.place <= places[1]:
            segments = tuple((start, end) for start, end in line.segments if end > along[0] and start < along[1])
            if segments:
                kept.append(Ruling(line.place, segments))
    return tuple(kept)
