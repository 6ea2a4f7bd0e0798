"""Levels of headings: by the file's bookmarks, by their numbers, by their size."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace

from docpipe.parse.page.element import Bookmark, Element, PageContent

NUMBER = re.compile(r"^(?:(?:chapter|section|part|kapitel|chapitre)\s+)?(\d{1,3}(?:\.\d{1,3})*)\.?\s+\S", re.IGNORECASE)
_LEADING_NUMBER = re.compile(r"^(?:(?:chapter|section|part|kapitel|chapitre)\s+)?[\dIVXivx]{0,5}(?:\.\d{1,3})*[.):]?\s+", re.IGNORECASE)
_NO_LETTER = re.compile(r"[\W_]+")
_MAX_LEVEL = 6
_HEADINGS = frozenset({"section_header", "title"})
_MAY_BE_HEADING = frozenset({"section_header", "title", "text", "list_item"})
_MAX_LENGTH = 200


def with_levels(pages: Sequence[PageContent]) -> list[PageContent]:
    """The pages with a level for every heading; short text that a bookmark names becomes one.

    A heading that a bookmark names has the bookmark's level. Others go by their number (`2.1` is one deeper than `2`), and
    those without one by their size: as deep as headings of that size are elsewhere, the largest at level 1.
    """
    pages = _titled(_marked(pages))
    headings = [one for page in pages for one in page.elements if one.label == "section_header"]
    known: defaultdict[float, Counter[int]] = defaultdict(Counter)
    for one in headings:
        if one.level:
            known[one.size][one.level] += 1
    by_size = _by_size(headings, {size: levels.most_common(1)[0][0] for size, levels in known.items()})
    chapters = Counter(by_size[one.size] for one in headings if (number := NUMBER.match(one.text)) and "." not in number[1])
    base = chapters.most_common(1)[0][0] if chapters else 1

    def level(one: Element) -> int:
        number = NUMBER.match(one.text)
        if one.level:
            return min(one.level, _MAX_LEVEL)
        if number and "." in number[1]:
            return min(base + number[1].count("."), _MAX_LEVEL)
        return by_size[one.size]

    def leveled(one: Element) -> Element:
        return replace(one, level=level(one)) if one.label == "section_header" else one

    return [replace(page, elements=tuple(map(leveled, page.elements))) for page in pages]


def _by_size(headings: Sequence[Element], known: dict[float, int]) -> dict[float, int]:
    """Level of each size; sizes within a twentieth count as one."""
    levels: dict[float, int] = {}
    level, largest = 0, 0.0
    for size in sorted({one.size for one in headings}, reverse=True):
        if size in known:
            level, largest = known[size], size
        elif not levels or size < largest * 0.95:
            level, largest = level + 1, size
        levels[size] = min(max(level, 1), _MAX_LEVEL)
    return levels


def _titled(pages: Sequence[PageContent]) -> list[PageContent]:
    """The pages with the first heading as the title, where the bookmarks pass over it and it is larger than all that they name."""
    named = [one.size for page in pages for one in page.elements if one.label == "section_header" and one.level]
    for number, page in enumerate(pages):
        for index, one in enumerate(page.elements):
            if one.label in _HEADINGS:
                if not named or one.level or one.size <= max(named) * 1.05:
                    return list(pages)
                title = replace(one, label="title")
                elements = (*page.elements[:index], title, *page.elements[index + 1 :])
                return [*pages[:number], replace(page, elements=elements), *pages[number + 1 :]]
    return list(pages)


def _marked(pages: Sequence[PageContent]) -> list[PageContent]:
    """The pages with the bookmarks' levels on the headings that they name."""
    bookmarks: defaultdict[int, list[Bookmark]] = defaultdict(list)
    for bookmark in pages[0].bookmarks if pages else ():
        bookmarks[bookmark.page].append(bookmark)
    if not bookmarks:
        return list(pages)
    return [replace(page, elements=_named(page.elements, bookmarks[page.number])) for page in pages]


def _named(elements: Sequence[Element], bookmarks: Sequence[Bookmark]) -> tuple[Element, ...]:
    """Each bookmark names the first heading of that text, or else the first short text of it."""
    made = list(elements)
    by_name: defaultdict[str, list[int]] = defaultdict(list)
    for index, one in enumerate(made):
        if one.label in _MAY_BE_HEADING and not one.level and len(one.text) <= _MAX_LENGTH:
            for name in _names(one.text):
                by_name[name].append(index)
    for bookmark in bookmarks:
        places = [index for name in _names(bookmark.title) for index in by_name[name] if not made[index].level]
        if places:
            first = min(places, key=lambda index: (made[index].label not in _HEADINGS, index))
            one = made[first]
            made[first] = replace(one, label="title" if one.label == "title" else "section_header", level=bookmark.level)
    return tuple(made)


def _names(text: str) -> set[str]:
    """The text with and without its number, letters and digits alone."""
    return {name for part in (text, _LEADING_NUMBER.sub("", text)) if (name := _NO_LETTER.sub("", part).casefold())}
