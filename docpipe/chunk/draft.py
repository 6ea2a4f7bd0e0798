"""A chunk while it is being filled."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from docpipe.chunk.outline import Path
from docpipe.chunk.passages import Place
from docpipe.models import Box

Kind = Literal["text", "table"]


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a passage or of a table's row."""

    text: str
    weight: int
    places: tuple[Place, ...]
    fresh: bool = True
    """Begins a line; else it goes on where the part before ended."""


@dataclass(slots=True)
class Draft:
    """The parts of one chunk, and what it repeats from earlier ones."""

    path: Path
    kind: Kind
    room: int
    """Weight that the parts may have together."""
    header: str = ""
    """Header rows of a table that began in an earlier chunk."""
    joint: str | None = None
    """The blank that parts it from the chunk before, where the two are one run of text; empty where a word was cut."""
    overlap: str = ""
    """The end of the chunk before, repeated."""
    parts: list[Part] = field(default_factory=list)
    weight: int = 0

    def takes(self, weight: int) -> bool:
        """Whether there is room; an empty draft takes anything, since nothing smaller will come."""
        return not self.parts or self.weight + weight <= self.room

    def add(self, part: Part) -> None:
        """Put a part at the end."""
        self.parts.append(part)
        self.weight += part.weight

    def divided(self) -> Iterator[Draft]:
        """The draft in two, cut between parts."""
        middle = len(self.parts) // 2
        for parts in (self.parts[:middle], self.parts[middle:]):
            half = Draft(self.path, self.kind, self.room, self.header)
            for part in parts:
                half.add(part)
            yield half

    @property
    def own(self) -> str:
        """What is not repeated."""
        pieces: list[str] = []
        for part in self.parts:
            if part.fresh and pieces:
                pieces[-1] = pieces[-1].rstrip() + "\n"
            pieces.append(part.text)
        return "".join(pieces).rstrip()

    @property
    def text(self) -> str:
        """The chunk's text."""
        if self.overlap:
            return f"{self.overlap}{self.joint or ''}{self.own}"
        return f"{self.header}\n{self.own}" if self.header else self.own

    @property
    def embedding_text(self) -> str:
        """As `Chunk.embedding_text` will give it."""
        return "\n".join((*self.path, self.text))

    @property
    def boxes(self) -> tuple[Box, ...]:
        """Where its own parts stand."""
        return tuple(dict.fromkeys(place.box for part in self.parts for place in part.places if place.box))

    @property
    def pages(self) -> tuple[int, ...]:
        """The pages of its own parts."""
        return tuple(sorted({place.page for part in self.parts for place in part.places}))
