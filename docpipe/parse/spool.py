"""Where the pages of a document wait on disk until all of them are read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from docpipe.working_folder import room_in


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines of a file, read one after the other: what a worker gets instead of the lines themselves."""

    path: str
    places: tuple[tuple[int, int], ...]
    """Offset and length of each, in bytes."""

    def __iter__(self) -> Iterator[bytes]:
        if not self.places:
            return
        with Path(self.path).open("rb") as file:
            for offset, length in self.places:
                file.seek(offset)
                yield file.read(length)


class Spool:
    """One line for each page of one document, in a file: a long document takes no memory while it is read."""

    def __init__(self, path: Path) -> None:
        """The file is made with the first page."""
        self.path = path
        self.size = 0
        """Bytes of all lines."""
        self._places: dict[int, tuple[int, int]] = {}

    def __len__(self) -> int:
        return len(self._places)

    def add(self, number: int, line: bytes) -> None:
        """Keep the line of a page; a later one for the same page takes its place. Raises `BucketFull`."""
        with room_in(self.path.parent), self.path.open("ab") as file:
            place = (file.tell(), len(line))
            file.write(line)
        self.size += place[1] - self._places.get(number, (0, 0))[1]
        self._places[number] = place

    def __contains__(self, number: int) -> bool:
        return number in self._places

    def lines(self) -> Lines:
        """The lines in the order of the pages."""
        return self.lines_of(sorted(self._places))

    def lines_of(self, numbers: Iterable[int]) -> Lines:
        """The lines of these pages, in this order."""
        return Lines(str(self.path), tuple(self._places[number] for number in numbers))

    def groups_of(self, numbers: Iterable[int], size: int) -> Iterator[list[int]]:
        """Yield these pages in groups, in this order; the lines of one hold no more than `size` bytes, but for a page that does alone."""
        group: list[int] = []
        held = 0
        for number in numbers:
            length = self._places[number][1]
            if group and held + length > size:
                yield group
                group, held = [], 0
            group.append(number)
            held += length
        if group:
            yield group

    def remove(self) -> None:
        """Delete the file, if there is one."""
        self.path.unlink(missing_ok=True)
