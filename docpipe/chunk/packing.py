"""Packs passages and tables into drafts of chunks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from docpipe.chunk.draft import Draft, Part
from docpipe.chunk.outline import Path
from docpipe.chunk.passages import Grid, Passage, Place
from docpipe.chunk.splitter import Piece, Splitter
from docpipe.chunk.table import CELL_END, row_text
from docpipe.chunk.tokens import TokenCounter


class Packer:
    """Fills drafts in reading order; `drafts` holds them."""

    def __init__(self, counter: TokenCounter, splitter: Splitter, budget: int, overlap: int) -> None:
        self.drafts: list[Draft] = []
        self._counter = counter
        self._splitter = splitter
        self._budget = budget
        self._overlap = overlap
        self._full = 0

    def add(self, path: Path, content: Passage | Grid) -> None:
        """Put content under a path: into the last draft where it belongs there and has room, else into new ones."""
        room = max(1, self._budget - sum(self._counter.weigh(path)))
        if isinstance(content, Grid):
            self._add_grid(path, content, room)
        else:
            self._add_passage(path, content, room)

    def divide(self) -> None:
        """Put nothing more into the drafts that are there."""
        self._full = len(self.drafts)

    def _add_passage(self, path: Path, passage: Passage, room: int) -> None:
        # Every chunk but the first of a run leaves room for the text it will repeat.
        limit = max(1, room - self._overlap)
        pieces = self._pieces(passage.text, limit, verbatim=passage.verbatim)
        if not self._continues(path, "text"):
            self.drafts.append(Draft(path, "text", room))
        offset = 0
        for number, piece in enumerate(pieces):
            if not self.drafts[-1].takes(piece.weight):
                joint = _blank_at_end(pieces[number - 1].text) if number else "\n"
                self.drafts.append(Draft(path, "text", limit, joint=joint))
            places = _places_at(passage.places, offset, offset + len(piece.text))
            self.drafts[-1].add(Part(piece.text, piece.weight, places, fresh=number == 0))
            offset += len(piece.text)

    def _add_grid(self, path: Path, grid: Grid, room: int) -> None:
        header = "\n".join(map(row_text, grid.header))
        header_weight = self._counter.weigh([header])[0]
        if header_weight > self._budget // 3:
            header, header_weight = "", 0
        limit = max(1, room - header_weight)
        opening = [*self._lines(grid.captions, room), *self._rows(grid.header, grid.places, room)]
        rest = [*self._rows(grid.rows, grid.places, limit), *self._lines(grid.notes, limit)]
        whole = sum(part.weight for part in (*opening, *rest))
        if not (self._continues(path, "table") and self.drafts[-1].takes(whole)):
            self.drafts.append(Draft(path, "table", room))
        for part in opening:
            if not self.drafts[-1].takes(part.weight):
                self.drafts.append(Draft(path, "table", room))
            self.drafts[-1].add(part)
        for part in rest:
            if not self.drafts[-1].takes(part.weight):
                self.drafts.append(Draft(path, "table", limit, header))
            self.drafts[-1].add(part)

    def _continues(self, path: Path, kind: str) -> bool:
        return len(self.drafts) > self._full and self.drafts[-1].path == path and self.drafts[-1].kind == kind

    def _pieces(self, text: str, room: int, *, verbatim: bool = False) -> list[Piece]:
        weight = self._counter.weigh([text])[0]
        return [Piece(text, weight)] if weight <= room else self._splitter.split(text, room, verbatim=verbatim)

    def _lines(self, passages: Iterable[Passage], room: int) -> Iterator[Part]:
        for passage in passages:
            for number, piece in enumerate(self._pieces(passage.text, room)):
                yield Part(piece.text, piece.weight, passage.places, fresh=number == 0)

    def _rows(self, rows: Sequence[Sequence[str]], places: tuple[Place, ...], room: int) -> Iterator[Part]:
        lines = [row_text(row) for row in rows]
        for row, line, weight in zip(rows, lines, self._counter.weigh(lines), strict=True):
            if weight <= room:
                yield Part(line, weight, places)
                continue
            cells = [f"{cell}{CELL_END}" for cell in row[:-1]] + [row[-1]]
            fresh = True
            for cell, cell_weight in zip(cells, self._counter.weigh(cells), strict=True):
                pieces = [Piece(cell, cell_weight)] if cell_weight <= room else self._splitter.split(cell, room)
                for piece in pieces:
                    yield Part(piece.text, piece.weight, places, fresh)
                    fresh = False


def _blank_at_end(text: str) -> str:
    blank = text[len(text.rstrip()) :]
    return "\n" if "\n" in blank else " " if blank else ""


def _places_at(places: tuple[Place, ...], start: int, end: int) -> tuple[Place, ...]:
    """Where a part of a passage stands: of a paragraph that runs over two pages, the pages of that part."""
    if len(places) < 2:
        return places
    return tuple(place for place in places if place.end <= place.start or (place.start < end and start < place.end)) or places
