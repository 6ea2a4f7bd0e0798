"""What stands around a passage in its document."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from docpipe.errors import ConfigurationError, QueryInvalid
from docpipe.index import IndexReader

MOST_NEIGHBOURS = 20
LONGEST_SECTION = 4_000
"""Characters; about a thousand tokens, four chunks of MiniLM's window."""
MOST_CHARACTERS = 100_000
_REACH = 8
"""Chunks on each side that are fetched at once: mostly a whole section."""


Place = tuple[str, int, int]
"""Key, generation and chunk number."""


@dataclass(frozen=True, slots=True)
class Around:
    """How much is wanted around a passage: some chunks on each side, or its section; nothing by default."""

    neighbours: int = 0
    section: bool = False
    longest: int = LONGEST_SECTION
    """Characters of a section at most; the passage itself is always whole."""

    def __post_init__(self) -> None:
        if not 0 <= self.neighbours <= MOST_NEIGHBOURS:
            raise QueryInvalid(f"{self.neighbours} chunks around a passage were asked for: ask for 0 to {MOST_NEIGHBOURS}")
        if self.neighbours and self.section:
            raise QueryInvalid("neighbours and the section were asked for: ask for one of them")
        if not 0 < self.longest <= MOST_CHARACTERS:
            raise QueryInvalid(f"a section of {self.longest} characters was asked for: ask for 1 to {MOST_CHARACTERS}")

    @property
    def wanted(self) -> bool:
        return self.section or self.neighbours > 0


@dataclass(frozen=True, slots=True)
class Context:
    """A run of chunks of one document, as one text: what two chunks share stands in it once."""

    text: str
    start: int
    """Where the passage begins in `text`, in characters."""
    end: int
    first: int
    """Chunk number of the first chunk."""
    last: int
    pages: tuple[int, ...]
    cut: bool = False
    """The section is longer than was asked for, and only this much of it is here."""


class Passage(Protocol):
    """Where a passage stands; a hit is one."""

    @property
    def key(self) -> str: ...
    @property
    def generation(self) -> int: ...
    @property
    def chunk(self) -> int: ...


@dataclass(frozen=True, slots=True)
class _Chunk:
    text: str
    overlap: int
    heading_path: tuple[str, ...]
    pages: tuple[int, ...]

    @property
    def own(self) -> int:
        """Characters that no earlier chunk has."""
        return len(self.text) - self.overlap


class _Chunks:
    """Chunks of some documents, each fetched once."""

    def __init__(self, index: IndexReader) -> None:
        self._index = index
        self._known: dict[Place, _Chunk | None] = {}

    def fetch(self, places: Iterable[Place]) -> None:
        """Look these up, all at once."""
        asked = [place for place in dict.fromkeys(places) if place not in self._known]
        if not asked:
            return
        self._known |= dict.fromkeys(asked)
        try:
            for payload in self._index.passages(asked):
                self._known[str(payload["key"]), int(payload["generation"]), int(payload["chunk"])] = _chunk(payload)
        except (KeyError, TypeError, ValueError) as error:
            raise ConfigurationError(
                "the collection holds a point that docpipe did not write: set DOCPIPE_COLLECTION to a name of its own and index again"
            ) from error

    def get(self, passage: Passage, number: int, step: int) -> _Chunk | None:
        """A chunk of the passage's document; None where there is none. Those that follow in steps will be asked for too."""
        if (passage.key, passage.generation, number) not in self._known:
            self.fetch(_places(passage, range(number, number + step * _REACH, step)))
        return self._known.get((passage.key, passage.generation, number))


def contexts(index: IndexReader, passages: Sequence[Passage], around: Around) -> list[Context | None]:
    """Return what stands around each passage; None for one whose document was replaced since it was found."""
    reach = _REACH if around.section else around.neighbours
    chunks = _Chunks(index)
    chunks.fetch(place for one in passages for place in _places(one, range(one.chunk - reach, one.chunk + reach + 1)))
    return [_context(chunks, one, around) for one in passages]


def _places(passage: Passage, numbers: Iterable[int]) -> list[Place]:
    return [(passage.key, passage.generation, number) for number in numbers if number >= 0]


def _context(chunks: _Chunks, passage: Passage, around: Around) -> Context | None:
    number = passage.chunk
    chunk = chunks.get(passage, number, 1)
    if chunk is None:
        return None
    run = {number: chunk}
    size = len(chunk.text)
    cut = False
    # What follows comes first: it often explains.
    steps = [1, -1]
    while steps:
        for step in tuple(steps):
            place = (max(run) if step > 0 else min(run)) + step
            more = chunks.get(passage, place, step) if around.section or abs(place - number) <= around.neighbours else None
            if more is None or (around.section and more.heading_path != chunk.heading_path):
                steps.remove(step)
            elif around.section and size + more.own > around.longest:
                steps.remove(step)
                cut = True
            else:
                run[place] = more
                size += more.own
    return _joined(run, number, cut)


def _joined(run: Mapping[int, _Chunk], number: int, cut: bool) -> Context:
    numbers = sorted(run)
    text, start, before = "", 0, None
    for each in numbers:
        chunk = run[each]
        repeated = chunk.text[: chunk.overlap]
        joins = before is not None and repeated and text.endswith(repeated)
        if before is not None and not joins:
            text += "\n" if before.heading_path == chunk.heading_path else "\n\n"
        if each == number:
            start = len(text) - (len(repeated) if joins else 0)
        text += chunk.text[len(repeated) :] if joins else chunk.text
        before = chunk
    pages = tuple(sorted({page for chunk in run.values() for page in chunk.pages}))
    return Context(text, start, start + len(run[number].text), numbers[0], numbers[-1], pages, cut)


def _chunk(payload: Mapping[str, Any]) -> _Chunk:
    pages, path = tuple(map(int, payload["pages"])), tuple(map(str, payload["heading_path"]))
    return _Chunk(str(payload["text"]), int(payload.get("overlap", 0)), path, pages)
