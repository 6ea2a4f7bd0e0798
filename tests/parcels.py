"""A small stage for tests of attachments: parcels, texts that hold other texts, which may be parcels in turn."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from docling_core.types.doc.document import DoclingDocument
from docling_core.types.doc.labels import DocItemLabel

from docpipe.fingerprint import Recipe
from docpipe.models import Attachment, Document, Page, ParsedDocument, StageName
from docpipe.stage import Item, Lost, Made, Outcome
from tests.stages import Trouble, no_trouble

_MARK = "parcel "


def parcel(text: str, **inside: str) -> str:
    """A text with attachments: names to texts."""
    return _MARK + json.dumps({"text": text, "inside": inside})


class ParcelStage:
    """Parses a parcel into its text; what is inside become its attachments."""

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
            if error := self._trouble(item.document, self.asked.count(key)):
                yield Lost(key, error)
                continue
            assert item.source
            content = item.source.read_text()
            opened: dict[str, Any] = {"text": content, "inside": {}}
            if content.startswith(_MARK):
                opened = json.loads(content.removeprefix(_MARK))
            document = DoclingDocument(name=key)
            document.add_text(DocItemLabel.TEXT, opened["text"])
            inside = {name: text.encode() for name, text in opened["inside"].items()}
            attachments = tuple(
                Attachment(name=name, size=len(data), sha256=hashlib.sha256(data).hexdigest()) for name, data in inside.items()
            )
            parsed = ParsedDocument(document, (Page(number=1, route="plain", characters=len(content)),), attachments=attachments)
            with tempfile.TemporaryDirectory() as folder:
                parts = [Path(folder) / str(number) for number in range(len(inside))]
                for path, data in zip(parts, inside.values(), strict=True):
                    path.write_bytes(data)
                yield Made(key, parsed.to_bytes(), parsed.counts, 0.1, parts)
