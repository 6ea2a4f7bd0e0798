"""An index stage that writes to a collection of the test's choice, with a recipe that names it, as the product's own has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from docpipe.fingerprint import Recipe
from docpipe.index import Collection, Entry, Passage, open_writer
from docpipe.models import ChunkedDocument, Document, IndexedDocument, StageName
from docpipe.settings import Settings
from docpipe.stage import Item, Outcome
from tests.small_stages import ChunkReader
from tests.stages import no_trouble


class ReceiptedIndex(ChunkReader):
    """Writes a point for every chunk; `collection` and `texts` may be exchanged between two runs."""

    def __init__(self, settings: Settings, collection: Collection) -> None:
        super().__init__(StageName.INDEXED_VECTORS, self._replace, no_trouble)
        self.collection = collection
        self.texts: dict[str, str] = {}
        """What is written of a document instead of its own chunks."""
        self.version = "1"
        self._settings = settings

    def recipe(self, document: Document) -> Recipe:
        parameters = {"generation": document.generation, "collection": self.collection.name}
        return Recipe(self.name, self.version, parameters)

    def process(self, items: Sequence[Item]) -> Iterator[Outcome]:
        with open_writer(self._settings, self.collection) as self._index:
            yield from list(super().process(items))

    def _replace(self, document: Document, chunked: ChunkedDocument) -> IndexedDocument:
        texts = [self.texts.get(document.key, chunk.text) for chunk in chunked.chunks]
        self._index.replace([points_of(document.key, document.generation, texts, self.collection)])
        return IndexedDocument(collection=self.collection.name, generation=document.generation, points=len(texts))


def points_of(key: str, generation: int, texts: Sequence[str], collection: Collection) -> Entry:
    """Points with vectors that mean nothing: these texts are found by their words."""
    learnt = {"heading_path": [], "pages": [1], "boxes": [], "kind": "text", "language": "en", "quality": 1.0}
    passages = tuple(Passage(number, text, {"text": text, **learnt}) for number, text in enumerate(texts))
    vectors = np.random.default_rng(1).standard_normal((len(texts), collection.dimension)).astype(np.float32)
    about = {"object_key": key, "media_type": "text/plain", "document_class": "report", "run_id": ""}
    return Entry(key, generation, about, passages, vectors)
