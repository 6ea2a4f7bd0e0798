"""Documents and artifacts for tests of the stages after chunking."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from docpipe.models import Chunk, ChunkedDocument, Document, DocumentStatus, StageName
from docpipe.stage import Item


def document(key: str, generation: int = 1) -> Document:
    return Document(
        key=key,
        object_key=f"folder/{key}.pdf",
        generation=generation,
        media_type="application/pdf",
        size=1,
        etag="e",
        version="",
        status=DocumentStatus.RUNNING,
    )


def chunked(texts: Sequence[str]) -> ChunkedDocument:
    return ChunkedDocument(
        chunks=tuple(Chunk(index=number, text=text, tokens=max(1, len(text.split()))) for number, text in enumerate(texts))
    )


def item(key: str, inputs: Mapping[StageName, bytes | Exception], generation: int = 1) -> Item:
    def loader(data: bytes | Exception) -> Callable[[], bytes]:
        def load() -> bytes:
            if isinstance(data, Exception):
                raise data
            return data

        return load

    return Item(document(key, generation), {name: loader(data) for name, data in inputs.items()})
