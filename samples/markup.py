"""The few marks that the samples' sources are written in: a small part of Markdown, and directives."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SOURCES = Path(__file__).parent / "sources"
_ITEM = re.compile(r"(?:-|\d+\.) +")
_NOTE = re.compile(r"\[\^(\w+)]: +(.*)", re.DOTALL)
_DIRECTIVE = re.compile(r"\{\{(\w+) ?(.*?)}}")


@dataclass(frozen=True, slots=True)
class Heading:
    level: int
    text: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    text: str


@dataclass(frozen=True, slots=True)
class Items:
    ordered: bool
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Note:
    """A footnote's text; `^mark^` in a paragraph calls it."""

    mark: str
    text: str


@dataclass(frozen=True, slots=True)
class Equation:
    text: str
    number: str


@dataclass(frozen=True, slots=True)
class Directive:
    """`{{name argument}}` on a line of its own: a table, a figure, a page break, columns."""

    name: str
    argument: str


Block = Heading | Paragraph | Items | Note | Equation | Directive


def read(name: str) -> list[Block]:
    """The blocks of one file in `samples/sources`."""
    return list(parse((SOURCES / name).read_text(encoding="utf-8")))


def parse(text: str) -> Iterator[Block]:
    """Blocks stand between blank lines; `#` to `###` are headings, `-` and `1.` lists, `$ … ; (n)` equations."""
    for part in re.split(r"\n\s*\n", text.strip()):
        lines = [line.strip() for line in part.splitlines()]
        joined = " ".join(lines)
        if found := _DIRECTIVE.fullmatch(joined):
            yield Directive(found[1], found[2])
        elif lines[0].startswith("#"):
            marks, _, title = joined.partition(" ")
            yield Heading(len(marks), title)
        elif note := _NOTE.fullmatch(joined):
            yield Note(note[1], note[2])
        elif lines[0].startswith("$ "):
            body, _, number = joined[2:].partition(" ; ")
            yield Equation(body, number)
        elif _ITEM.match(lines[0]):
            yield Items(lines[0][0] != "-", tuple(_items(lines)))
        else:
            yield Paragraph(joined)


def _items(lines: list[str]) -> Iterator[str]:
    current: list[str] = []
    for line in lines:
        if mark := _ITEM.match(line):
            if current:
                yield " ".join(current)
            current = [line[mark.end() :]]
        else:
            current.append(line)
    yield " ".join(current)
