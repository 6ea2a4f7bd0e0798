"""Small stages for tests of what runs stages: they count what they were asked, and fail when told to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from docling_core.types.doc.document import DoclingDocument
from docling_core.types.doc.labels import DocItemLabel

from docpipe.fingerprint import Recipe
from docpipe.models import Chunk, ChunkedDocument, Document, Page, ParsedDocument, StageName
from docpipe.stage import Item, Lost, Made, Outcome

Trouble = Callable[[Document, int], Exception | None]
"""Given a document and which time it is asked for (from 1), the error to fail with."""


def no_trouble(document: Document, time: int) -> Exception | None:
    return None


class TextStage:
    """Parses a text file into one paragraph a line."""

    name = StageName.PARSED_PAGES

    def __init__(self, trouble: Trouble = no_trouble, version: str = "1") -> None:
        self.asked: list[str] = []
        self._trouble = trouble
        self._version = version

    def recipe(self, document: Document) -> Recipe:
        return Recipe(self.name, self._version, {"reader": document.media_type})

    def process(self, items: Sequence[Item]) -> Iterator[Outcome]:
        for item in items:
            key = item.document.key
            self.asked.append(key)
            error = self._trouble(item.document, self.asked.count(key))
            if error:
                yield Lost(key, error)
                continue
            assert item.source
            yield from self._parse(key, item.source.read_text())

    def _parse(self, key: str, text: str) -> Iterator[Made]:
        document = DoclingDocument(name=key)
        for line in text.splitlines():
            document.add_text(DocItemLabel.TEXT, line)
        parsed = ParsedDocument(document, (Page(number=1, route="plain", characters=len(text)),))
        yield Made(key, parsed.to_bytes(), parsed.counts, 0.1)


class LineStage:
    """Makes a chunk of every paragraph."""

    name = StageName.CHUNKS

    def __init__(self, words: int = 100, trouble: Trouble = no_trouble) -> None:
        self.asked: list[str] = []
        self._words = words
        self._trouble = trouble

    def recipe(self, document: Document) -> Recipe:
        return Recipe(self.name, "1", {"words": self._words})

    def process(self, items: Sequence[Item]) -> Iterator[Outcome]:
        for item in items:
            key = item.document.key
            self.asked.append(key)
            if error := self._trouble(item.document, self.asked.count(key)):
                yield Lost(key, error)
                continue
            try:
                parsed = ParsedDocument.from_bytes(item.inputs[StageName.PARSED_PAGES]())
            except Exception as error:  # noqa: BLE001 -- a stage answers for every item
                yield Lost(key, error)
                continue
            texts = [text.text for text in parsed.document.texts]
            chunks = tuple(Chunk(index=number, text=text[: self._words], tokens=len(text.split())) for number, text in enumerate(texts))
            made = ChunkedDocument(chunks=chunks)
            yield Made(key, made.to_bytes(), made.counts, 0.1)
