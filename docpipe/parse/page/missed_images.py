"""Images on a page that the layout model passes over or cuts off: it looks at text and lines, and sees few photographs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from docpipe.parse.page.element import Rectangle, union
from docpipe.parse.page.layout import Region
from docpipe.parse.page.rectangles import area, clipped, joined, overlap
from docpipe.parse.page.words import Word

_SMALLEST_SIDE = 36.0
"""Points: smaller images are icons or parts of letters."""
_MOST_STRETCHED = 8.0
_LARGEST_SHARE = 0.85
"""Of the page: more is its background, or a scan that has its own reader."""
_COVERED = 0.25
"""Share of an image that another picture or a table may cover."""
_MOST_WORDS = 40
"""On one image: more is a text box with an image behind it."""
_TOUCHING = 1.0
"""Points between two strips of one picture."""
_CUT = 0.2
"""Share of an image, or of a picture, that lies in the other where both are one."""
_MOST_LABELS = 12
"""Words that a picture may gain when it grows."""
_MOST_IMAGES = 500
"""On one page: more are letters or strokes, and joining them would take long."""


def with_images(page: Any, found: Sequence[Region], words: Sequence[Word]) -> list[Region]:
    """The regions of an unrotated page, its pictures as large as the images in them, and with pictures for images that have none."""
    shown = page.get_image_info()
    if not shown or len(shown) > _MOST_IMAGES:
        return list(found)
    boxes = [clipped(image["bbox"], page.rect) for image in shown]
    largest = _LARGEST_SHARE * max(1.0, page.rect.width * page.rect.height)
    images = joined([box for box in boxes if box[2] - box[0] > 1 and box[3] - box[1] > 1], _TOUCHING)
    tables = [region.box for region in found if region.label == "table"]
    regions = [_grown(region, images, words, largest) if region.label == "picture" else region for region in found]
    covering = [*tables, *(region.box for region in regions if region.label == "picture")]
    for box in images:
        short, long = sorted((box[2] - box[0], box[3] - box[1]))
        if short < _SMALLEST_SIDE or long > short * _MOST_STRETCHED or area(box) > largest:
            continue
        missed = Region("picture", box)
        if sum(overlap(box, other) for other in covering) <= _COVERED * area(box) and _words(missed, words) <= _MOST_WORDS:
            regions.append(missed)
    return regions


def _grown(region: Region, images: Sequence[Rectangle], words: Sequence[Word], largest: float) -> Region:
    """The picture with all of every image that it cuts off, unless that would take in text from around it."""
    for image in images:
        if overlap(region.box, image) > _CUT * min(area(region.box), area(image)):
            grown = replace(region, box=union([region.box, image]))
            if area(grown.box) <= largest and _words(grown, words) - _words(region, words) <= _MOST_LABELS:
                region = grown
    return region


def _words(region: Region, words: Sequence[Word]) -> int:
    return sum(region.holds((word.box[0] + word.box[2]) / 2, (word.box[1] + word.box[3]) / 2) for word in words)
