"""The headings above a passage, short enough to stand in every chunk, none of them lost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from docpipe.chunk.passages import Division, Heading, Passage
from docpipe.chunk.tokens import TokenCounter

Path = tuple[str, ...]


@dataclass(slots=True)
class _Open:
    heading: Heading
    weight: int
    shown: bool = False
    """It stands whole in the path or the text of some chunk."""


@dataclass(slots=True)
class Outline:
    """The open headings. What would be lost comes back as a passage, with the path it belongs under: a heading with
    nothing below it, and one that the path has no room for."""

    counter: TokenCounter
    room: int
    """Tokens a path may have."""
    _open: list[_Open] = field(default_factory=list)
    _path: Path | None = None

    def enter(self, heading: Heading) -> Iterator[tuple[Path, Passage]]:
        """Open a heading, after closing those of its level and below."""
        yield from self._close(heading.level)
        self._open.append(_Open(heading, self.counter.weigh([heading.text])[0]))
        self._path = None

    def divide(self, division: Division) -> Iterator[tuple[Path, Passage]]:
        """Close all headings and open the division's name, which nobody misses where it has nothing below it."""
        yield from self._close(-1)
        if division.name:
            name = Heading(-1, division.name)
            self._open.append(_Open(name, self.counter.weigh([name.text])[0], shown=True))
            self._path = None

    def close(self) -> Iterator[tuple[Path, Passage]]:
        """Close all headings."""
        yield from self._close(-1)

    def lead(self) -> Iterator[tuple[Path, Passage]]:
        """Call before content is put under `path`."""
        path, fits = self._shorten()
        self._path = path
        for index, one in enumerate(self._open):
            if not one.shown and index < len(self._open) - fits:
                yield path, Passage(one.heading.text, one.heading.places)
            one.shown = True

    @property
    def path(self) -> Path:
        """The innermost headings that have room, outermost first; the start of the innermost one where it alone has none."""
        if self._path is None:
            self._path, _ = self._shorten()
        return self._path

    def _close(self, level: int) -> Iterator[tuple[Path, Passage]]:
        while self._open and self._open[-1].heading.level >= level:
            last = self._open.pop()
            self._path = None
            if not last.shown:
                yield from self.lead()
                yield self.path, Passage(last.heading.text, last.heading.places)

    def _shorten(self) -> tuple[Path, int]:
        """The path, and how many headings are whole in it."""
        taken, used = 0, 0
        for one in reversed(self._open):
            if used + one.weight > self.room:
                break
            taken, used = taken + 1, used + one.weight
        if self._open and not taken:
            start = next(iter(self.counter.windows(self._open[-1].heading.text, self.room)), "").strip()
            return ((start,) if start else ()), 0
        return tuple(one.heading.text for one in self._open[len(self._open) - taken :]), taken
