"""Small documents as the indexing stage would write them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from docpipe.embed.embedder import open_embedder
from docpipe.index import Entry, Passage, open_writer
from docpipe.models import Box
from docpipe.settings import Settings

BOX = Box(page=3, left=1, top=2, right=3, bottom=4)


def passage(text: str, chunk: int, **payload: Any) -> Passage:
    """One passage; `payload` replaces what it would hold."""
    whole = {
        "text": text,
        "overlap": 0,
        "heading_path": ["Chapter"],
        "pages": [3],
        "boxes": [BOX.model_dump()],
        "kind": "text",
        "language": "en",
        "quality": 0.5,
    }
    return Passage(chunk, text, whole | payload)


def entry(settings: Settings, key: str, passages: Sequence[Passage], generation: int = 2, **payload: Any) -> Entry:
    """One document with the vectors of its texts; `payload` replaces what its points would hold."""
    whole = {"object_key": f"{key}.pdf", "media_type": "application/pdf", "document_class": "book", "run_id": "", "tags": []}
    vectors = open_embedder(settings).embed([one.text for one in passages])
    return Entry(key, generation, whole | payload, passages, vectors)


def document(settings: Settings, key: str, texts: Sequence[str], **payload: Any) -> Entry:
    """One document of passages that have nothing special."""
    return entry(settings, key, [passage(text, number) for number, text in enumerate(texts)], **payload)


def store(settings: Settings, entries: Sequence[Entry]) -> None:
    """Make the index hold these documents."""
    with open_writer(settings) as index:
        index.replace(entries)
