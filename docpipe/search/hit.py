"""What a search answers with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from docpipe.attachment_key import parent_object_key
from docpipe.errors import ConfigurationError
from docpipe.index import Match
from docpipe.index.contract import Part
from docpipe.models import Box
from docpipe.search.context import Context


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A passage that says the same as a better hit."""

    key: str
    object_key: str
    generation: int
    chunk: int
    pages: tuple[int, ...]
    similarity: float
    """Jaccard similarity of the two texts' shingles; 1 for the same words."""


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
    date: datetime | None = None
    """When the object was last modified, as far as the bucket says."""
    tags: tuple[str, ...] = ()
    """Folders of the bucket that it lies in, outermost first."""
    dense: Part | None = None
    """What the search by meaning thought of it, where equals share a rank; None where it was not among its candidates."""
    sparse: Part | None = None
    """What the search by terms thought of it, likewise; None where it was not among its candidates."""
    rerank: float | None = None
    """Of the cross-encoder, before any activation: higher is better, comparable within one search only; None where it was not asked."""
    rerank_cut: bool = False
    """Query and passage were longer than the cross-encoder's window, and it read only their beginnings."""
    duplicates: tuple[Duplicate, ...] = ()
    """What else says the same, best first, as far down as the search had to look."""
    context: Context | None = None
    """What stands around it; None where it was not asked for."""
    query_cut: bool = False
    """The query was longer than the model's window, and only its beginning was looked for."""

    @property
    def reading_text(self) -> str:
        """The heading path, then the passage: what a model reads."""
        return "\n".join((*self.heading_path, self.text))


def hit_of(match: Match, query_cut: bool) -> Hit:
    """Read a point's payload; raises `ConfigurationError` for a point that this product did not write."""
    payload = match.payload
    try:
        date = payload.get("date")
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
            date=datetime.fromisoformat(date) if date else None,
            tags=tuple(map(str, payload.get("tags", ()))),
            dense=match.dense,
            sparse=match.sparse,
            query_cut=query_cut,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigurationError(
            "the collection holds a point that docpipe did not write: set DOCPIPE_COLLECTION to a name of its own and index again"
        ) from error
