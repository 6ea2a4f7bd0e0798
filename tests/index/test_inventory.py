from __future__ import annotations

from docpipe.index.inventory import Inventory


def test_each_document_is_known_by_collection_and_generation() -> None:
    inventory = Inventory()
    inventory.add("old", [("gate", 1, 3), ("gate", 2, 4), ("seal", 1, 5)])
    inventory.add("new", [("gate", 2, 6)])
    inventory.add("empty", [])
    assert inventory.points == {"old": 12, "new": 6}
    assert inventory.of("gate") == {"old": {1: 3, 2: 4}, "new": {2: 6}}
    assert inventory.of("unknown") == {}
    assert inventory.pop("gate") == {"old": {1: 3, 2: 4}, "new": {2: 6}}
    assert inventory.pop("gate") == {}
    assert list(inventory) == ["seal"]
