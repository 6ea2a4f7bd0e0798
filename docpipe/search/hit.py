"""What a search answers with."""

from __future__ import annotations

from dataclasses import dataclass

from docpipe.attachment_key import parent_object_key
from docpipe.errors import ConfigurationError
from docpipe.index import Match
from docpipe.models import Box


@dataclass(frozen=True, slots=True)
class Hit:
    """One passage, with the way back to its place in the document."""

    key: str
    object_key: str
    generation: int
    chunk: int
    score: float
    """Of the fusion; comparable within one search only."""
    text: str
    heading_path: tuple[str, ...]
    pages: tuple[int, ...]
    boxes: tuple[Box, ...]
    kind: str
    language: str
    document_class: str
    media_type: str
    quality: float
    parent: str = ""
    """Object key of the document that this one is an attachment of; empty for an object of the bucket."""
    query_cut: bool = False
    """The query was longer than the model's window, and only its beginning was looked for."""


def hit_of(match: Match, query_cut: bool) -> Hit:
    """Read a point's payload; raises `ConfigurationError` for a point that this product did not write."""
    payload = match.payload
    try:
        return Hit(
            key=str(payload["key"]),
            object_key=str(payload["object_key"]),
            generation=int(payload["generation"]),
            chunk=int(payload["chunk"]),
            score=match.score,
            text=str(payload["text"]),
            heading_path=tuple(map(str, payload["heading_path"])),
            pages=tuple(map(int, payload["pages"])),
            boxes=tuple(Box.model_validate(box) for box in payload["boxes"]),
            kind=str(payload["kind"]),
            language=str(payload["language"]),
            document_class=str(payload["document_class"]),
            media_type=str(payload["media_type"]),
            quality=float(payload["quality"]),
            parent=parent_object_key(str(payload["object_key"])),
            query_cut=query_cut,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigurationError(
            "the collection holds a point that docpipe did not write: set DOCPIPE_COLLECTION to a name of its own and index again"
        ) from error
