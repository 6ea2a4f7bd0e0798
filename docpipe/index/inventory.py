"""Which documents every collection of the alias holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from docpipe.index.collection import Collection
from docpipe.index.opening import open_reader
from docpipe.settings import Settings

Held = dict[str, dict[int, int]]
"""Points by collection and generation, of one document."""


class Inventory:
    """Points by document, collection and generation; about 200 bytes a document, and 25 for each further collection that holds it."""

    def __init__(self) -> None:
        self.points: Counter[str] = Counter()
        """By collection."""
        self._collections: list[str] = []
        # Flat: collection, generation and points, one after the other. A dictionary for each document would take twice as much.
        self._held: dict[str, tuple[int, ...]] = {}

    def add(self, collection: str, rows: Iterable[tuple[str, int, int]]) -> None:
        """Take in what a reader's `inventory` yields."""
        number = len(self._collections)
        self._collections.append(collection)
        for key, generation, points in rows:
            self._held[key] = (*self._held.get(key, ()), number, generation, points)
            self.points[collection] += points

    def of(self, key: str) -> Held:
        """What the collections hold of a document."""
        flat = self._held.get(key, ())
        held: Held = {}
        for number, generation, points in zip(flat[::3], flat[1::3], flat[2::3], strict=True):
            held.setdefault(self._collections[number], {})[generation] = points
        return held

    def pop(self, key: str) -> Held:
        """The same, and forget it."""
        held = self.of(key)
        self._held.pop(key, None)
        return held

    def __iter__(self) -> Iterator[str]:
        return iter(self._held)


def read_inventory(settings: Settings, collections: Iterable[Collection]) -> Inventory:
    """Read the collections one after the other."""
    inventory = Inventory()
    for collection in collections:
        with open_reader(settings, collection) as index:
            inventory.add(collection.name, index.inventory())
    return inventory
