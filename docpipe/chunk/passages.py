"""What the chunker packs: a document's content as a flat sequence, in reading order."""

from __future__ import annotations

from dataclasses import dataclass

from docpipe.models import Box


@dataclass(frozen=True, slots=True)
class Place:
    """Where a part of a passage stands."""

    page: int
    box: Box | None = None
    """None where the page has no size in points (a sheet)."""
    start: int = 0
    end: int = 0
    """The characters of the passage that stand here; both 0: not known."""


@dataclass(frozen=True, slots=True)
class Heading:
    """Opens a section; stands above everything until a heading of its own or a lower level."""

    level: int
    """0 for a title."""
    text: str
    places: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True)
class Passage:
    """A paragraph, a list item, a caption, a formula, or code."""

    text: str
    places: tuple[Place, ...] = ()
    verbatim: bool = False
    """Code: its lines and blanks mean something."""


@dataclass(frozen=True, slots=True)
class Grid:
    """A table."""

    captions: tuple[Passage, ...]
    header: tuple[tuple[str, ...], ...]
    """Rows of cells above the body."""
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[Passage, ...] = ()
    """Footnotes of the table."""
    places: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True)
class Division:
    """A slide or a sheet begins: no heading from before it stands above what follows."""

    name: str = ""
    """Stands above its content; empty where it is only a number."""


Content = Heading | Division | Passage | Grid
