"""Running headers, footers and footnotes: what stands on a page apart from its text."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

from docpipe.parse.page.element import Element, PageContent

FURNITURE = frozenset({"page_header", "page_footer"})
_EDGE = 0.08
"""Share of the page's height, at the top and at the bottom, where repeated text is a header or footer."""
_MARGIN = 0.15
"""The same for what has nothing between it and the edge: pages may have wide margins."""
_MAY_REPEAT = frozenset({"block", "text", "title", "section_header", "list_item", "footnote", "caption"}) | FURNITURE
_DIGITS = re.compile(r"\d+")
_PAGE_NUMBER = re.compile(r"^\W*(?:page\s+)?(?:\d{1,4}|[ivxlc]{1,7})(?:\s*(?:/|of)\s*\d{1,4})?\W*$", re.IGNORECASE)
_NOTE_MARK = re.compile(r"^(?:\d{1,3}(?![\d.,)])|[*\u2217\u2020\u2021\u00a7\u00b6]+)\s*[^\W\d]")
_TIMES = 3
"""Pages that text must stand on, each at most two pages after the one before: left and right pages may have headers of their own."""

_Edge = tuple[bool, int, str]
"""At the top or not, distance from the top in steps of 4 points, text with its numbers left out."""


def marked(pages: Sequence[PageContent]) -> list[PageContent]:
    """The pages with headers and footers labelled where they repeat or are a page number, and footnotes where they stand."""
    repeated = _repeated(pages)

    def of(page: PageContent) -> Iterator[Element]:
        reach = _reach(page)
        for element in page.elements:
            edge = _edge(page, element, reach)
            if edge and ((page.number, edge) in repeated or _PAGE_NUMBER.match(element.text)):
                yield replace(element, label="page_header" if edge[0] else "page_footer")
            else:
                yield element

    return [_with_footnotes(replace(page, elements=tuple(of(page)))) for page in pages]


def _edge(page: PageContent, element: Element, reach: tuple[float, float]) -> _Edge | None:
    if element.label not in _MAY_REPEAT or not element.text:
        return None
    depth, at_top = _depth(page, element), _is_at_top(page, element)
    if depth > _EDGE and (depth > _MARGIN or not _is_outermost(element, reach, at_top=at_top)):
        return None
    return (at_top, round(element.box[1] / 4), _DIGITS.sub("#", element.text))


def _is_at_top(page: PageContent, element: Element) -> bool:
    return element.box[3] < page.height / 2


def _depth(page: PageContent, element: Element) -> float:
    """How far it reaches in from the nearer edge, as a share of the page's height."""
    return (element.box[3] if _is_at_top(page, element) else page.height - element.box[1]) / max(1.0, page.height)


def _is_outermost(element: Element, reach: tuple[float, float], *, at_top: bool) -> bool:
    highest, lowest = reach
    return highest >= element.box[1] if at_top else lowest <= element.box[3]


def _reach(page: PageContent) -> tuple[float, float]:
    """The bottom of what ends first on a page, and the top of what begins last."""
    return min((one.box[3] for one in page.elements), default=0.0), max((one.box[1] for one in page.elements), default=0.0)


def _repeated(pages: Sequence[PageContent]) -> set[tuple[int, _Edge]]:
    """Page and place of text that stands in the same way on the pages around it."""
    numbers: defaultdict[tuple[bool, str], list[tuple[int, _Edge]]] = defaultdict(list)
    told: set[tuple[bool, str]] = set()
    inside: set[tuple[int, _Edge]] = set()
    for page in pages:
        reach = _reach(page)
        for element in page.elements:
            if edge := _edge(page, element, reach):
                numbers[edge[0], edge[2]].append((page.number, edge))
                if _depth(page, element) > _EDGE:
                    inside.add((page.number, edge))
                if element.label in FURNITURE:
                    told.add((edge[0], edge[2]))
    found: set[tuple[int, _Edge]] = set()
    for key, places in numbers.items():
        # What the layout model calls a header on one page is one on the page beside it.
        times = 2 if key in told else _TIMES
        # Further in, it takes the model's word: chapters that begin at the top of their pages look alike too.
        places = places if key in told else [place for place in places if place not in inside]
        if not places:
            continue
        run: list[tuple[int, _Edge]] = []
        for place in [*places, (10**9, places[0][1])]:
            if run and (place[0] - run[-1][0] > 2 or abs(place[1][1] - run[-1][1][1]) > 1):
                if len({number for number, _ in run}) >= times:
                    found |= set(run)
                run = []
            run.append(place)
    return found


def _with_footnotes(page: PageContent) -> PageContent:
    """Small text at the foot of a column that begins with a mark, below all text of the body's size."""
    sizes: Counter[float] = Counter()
    for element in page.elements:
        if element.label in ("block", "text", "list_item"):
            sizes[element.size] += len(element.text)
    if not sizes:
        return page
    body = sizes.most_common(1)[0][0]
    large = sorted(
        (one.box for one in page.elements if one.label not in FURNITURE and not 0 < one.size <= 0.92 * body), key=lambda box: box[1]
    )
    tops = [box[1] for box in large]

    def is_note(element: Element) -> bool:
        if element.label not in ("block", "text", "list_item") or not 0 < element.size <= 0.92 * body or element.box[1] < page.height / 2:
            return False
        if not _NOTE_MARK.match(element.text):
            return False
        left, _, right, bottom = element.box
        below = range(bisect_left(tops, bottom), len(large))
        return not any(large[index][0] < right and left < large[index][2] for index in below)

    return replace(page, elements=tuple(replace(one, label="footnote") if is_note(one) else one for one in page.elements))
