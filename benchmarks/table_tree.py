"""TEDS: how alike two tables are, as trees of rows and cells."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

from apted import APTED, Config

from benchmarks.parse_blocks import Cell


@dataclass(frozen=True, slots=True, eq=False)
class _Node:
    tag: str
    spans: tuple[int, int] = (1, 1)
    text: str = ""
    children: tuple[_Node, ...] = ()

    @property
    def size(self) -> int:
        return 1 + sum(child.size for child in self.children)


class _Costs(Config):  # type: ignore[misc]
    """Insertion and deletion cost 1; so does turning a cell into one of another span."""

    def __init__(self, text_distance: Callable[[str, str], float] | None) -> None:
        self._text_distance = text_distance

    def rename(self, node1: _Node, node2: _Node) -> float:
        if node1.tag != node2.tag or node1.spans != node2.spans:
            return 1.0
        if self._text_distance is None or node1.tag != "td":
            return 0.0
        return self._text_distance(node1.text, node2.text)


def similarity(one: Sequence[Cell], other: Sequence[Cell], text_distance: Callable[[str, str], float] | None) -> float:
    """From 0 to 1; `text_distance` of two cells' texts lies between 0 and 1, and without it only the structure counts.

    Header cells are cells like others: what a reader calls header differs more than what is one.
    """
    first, second = _tree(one), _tree(other)
    distance = APTED(first, second, _Costs(text_distance)).compute_edit_distance()
    return 1.0 - float(distance) / max(first.size, second.size)


def _tree(cells: Sequence[Cell]) -> _Node:
    placed = sorted(cells, key=lambda cell: (cell.row, cell.column))
    rows = [
        _Node("tr", children=tuple(_Node("td", (cell.rows, cell.columns), " ".join(cell.text.split())) for cell in row))
        for _, row in groupby(placed, key=lambda cell: cell.row)
    ]
    return _Node("table", children=tuple(rows))
