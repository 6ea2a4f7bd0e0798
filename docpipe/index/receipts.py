"""Which collection a document's receipt speaks of, and receipts that no longer hold."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice

from docpipe.artifacts import ArtifactStore, StoredArtifact
from docpipe.errors import ArtifactDamaged
from docpipe.ledger import Ledger
from docpipe.models import IndexedDocument, StageName

IO_THREADS = 16
PAGE = 1_000


class ReceiptCollections:
    """The collections that recipes of `indexed_vectors` name; each recipe's text is read once."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._names: dict[str, str] = {}

    def of(self, recipes: Iterable[str]) -> Mapping[str, str]:
        """Collection by the recipe's hash; empty for a recipe that the ledger does not know."""
        wanted = set(recipes)
        if missing := wanted - self._names.keys():
            texts = self._ledger.recipe_texts(missing)
            self._names |= {recipe: _named(texts[recipe]) if recipe in texts else "" for recipe in missing}
        return {recipe: self._names[recipe] for recipe in wanted}

    def written(self) -> Counter[str]:
        """Indexed documents by the collection that they were last written to; reads them all only where there is more than one."""
        names = set(self.of(self._ledger.recipe_hashes(StageName.INDEXED_VECTORS)).values())
        if len(names) != 1:
            return self.counted(self._ledger.indexed_by_recipe())
        number = self._ledger.indexed().done
        return Counter({name: number for name in names if number})

    def counted(self, by_recipe: Mapping[str, int]) -> Counter[str]:
        """Sum up by collection what was counted by recipe."""
        named = self.of(by_recipe)
        counted: Counter[str] = Counter()
        for recipe, number in by_recipe.items():
            counted[named[recipe]] += number
        return counted


def drop_receipts_of(artifacts: ArtifactStore, key: str, collection: str) -> int:
    """Remove a document's receipts of one collection, before its points there are written anew; returns how many.

    A receipt that is found makes a run believe that the points are there, so it has to go before they change: a kill between
    the two costs work that is done again, and never a document.
    """
    return sum(_drop(artifacts, collection, one) for one in artifacts.list_document(key, [StageName.INDEXED_VECTORS]) if not one.part)


def drop_receipts(artifacts: ArtifactStore, collection: str) -> int:
    """Remove every document's receipts of one collection, before it goes; returns how many."""
    stored = (one for one in artifacts.list_stage(StageName.INDEXED_VECTORS) if not one.part)
    dropped = 0
    with ThreadPoolExecutor(IO_THREADS) as threads:
        while page := list(islice(stored, PAGE)):
            dropped += sum(threads.map(partial(_drop, artifacts, collection), page))
    return dropped


def _drop(artifacts: ArtifactStore, collection: str, stored: StoredArtifact) -> bool:
    try:
        named = IndexedDocument.from_bytes(artifacts.load_stored(stored)).collection
    except ArtifactDamaged:
        # Whatever it spoke of: nobody could believe it.
        named = collection
    if named == collection:
        artifacts.delete_stored(stored)
    return named == collection


def _named(recipe: str) -> str:
    return str(json.loads(recipe)["parameters"].get("collection", ""))
