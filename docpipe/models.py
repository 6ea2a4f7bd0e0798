"""The data that travels: frozen, and all of it in this one file.

    ObjectInfo -> Document -> ParsedDocument -> ChunkedDocument -> EnrichedDocument ─┐
                                                └──────────────-> EmbeddedDocument ──┴-> IndexedDocument

The five classes on the right are the artifacts of the five stages: each has `to_bytes` and `from_bytes`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import groupby
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from docpipe.errors import ArtifactDamaged

if TYPE_CHECKING:
    from docling_core.types.doc.document import DoclingDocument


class Frozen(BaseModel):
    """A value: never changed after it was made, and stored as JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def to_bytes(self) -> bytes:
        return self.model_dump_json(exclude_defaults=True).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        try:
            return cls.model_validate_json(data)
        except ValueError as error:
            raise ArtifactDamaged(f"not a {cls.__name__}: {error}") from error


class StageName(StrEnum):
    """The five stages, in the order in which a document passes them."""

    PARSED_PAGES = "parsed_pages"
    CHUNKS = "chunks"
    ENRICHED_CHUNKS = "enriched_chunks"
    EMBEDDINGS = "embeddings"
    INDEXED_VECTORS = "indexed_vectors"


class DocumentStatus(StrEnum):
    """Where a document stands as a whole; the stage states say more."""

    PENDING = "pending"  # admitted, waits for a batch
    QUEUED = "queued"  # in a batch whose run has not reached it
    RUNNING = "running"  # a run works on it
    INDEXED = "indexed"  # all five stages complete for this generation
    FAILED = "failed"  # a stage failed for good
    REFUSED = "refused"  # never admitted; the error says why
    QUARANTINED = "quarantined"  # failed or refused, and its object was taken out of the bucket's way
    DELETING = "deleting"  # gone from the bucket, its points not yet removed
    DELETED = "deleted"  # tombstone


IN_FLIGHT = (DocumentStatus.QUEUED, DocumentStatus.RUNNING, DocumentStatus.DELETING)


class StageStatus(StrEnum):
    RUNNING = "running"
    COMPLETE = "complete"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """One object as the bucket lists it."""

    key: str
    size: int
    """Bytes."""
    etag: str
    """Changes whenever the bytes may have changed; opaque."""
    version: str = ""
    """The store's version id, where it keeps versions."""
    modified: datetime | None = None
    """For people, and for the age of what is cleaned away; whether an object has changed is never decided by it."""

    @property
    def identity(self) -> tuple[str, int, str]:
        return (self.etag, self.size, self.version)


@dataclass(frozen=True, slots=True)
class Document:
    """One document as the ledger knows it."""

    key: str
    """The partition key: readable, safe anywhere, unique for `object_key`."""
    object_key: str
    generation: int
    """Counts from 1; rises whenever the object changes or comes back."""
    media_type: str
    """Found in the content, never taken from the name; empty for a refused document."""
    size: int
    etag: str
    version: str
    status: DocumentStatus
    content_sha256: str | None = None
    """Of the bytes of this generation; None until they were first read."""
    batch_id: str | None = None
    attempts: int = 0
    """Runs that ended without a verdict on this generation."""
    error: str | None = None
    modified: datetime | None = None
    first_seen: datetime | None = None
    updated: datetime | None = None
    parent: str | None = None
    """Partition key of the document that this one is an attachment of; None for an object of the bucket."""
    parent_fingerprint: str | None = None
    """Of the parent's parsed artifact, whose part `etag` holds the bytes."""
    attachments_due: bool = False
    """The next sensor tick compares its attachments in the ledger with what it holds."""
    priority: int = 0
    """Of two that wait, the one with the higher number goes first."""
    not_before: datetime | None = None
    """Waits at least until then: after an outage, or until tomorrow's budget."""

    @property
    def identity(self) -> tuple[str, int, str]:
        return (self.etag, self.size, self.version)


@dataclass(frozen=True, slots=True)
class StageState:
    """How one stage of one document stands."""

    key: str
    stage: StageName
    generation: int
    status: StageStatus
    fingerprint: str
    recipe: str
    """Hash of the recipe that made the artifact; the ledger keeps its text."""
    attempts: int
    seconds: float | None
    """Of work on this document, by the clock."""
    counts: dict[str, int]
    """What the artifact holds: pages, chunks, tokens, vectors."""
    error_kind: str | None
    error: str | None
    run_id: str | None
    started: datetime | None
    finished: datetime | None
    cpu_seconds: float | None = None
    gpu_seconds: float | None = None
    cost_usd: float | None = None
    """What providers were paid for it; None where none was asked."""

    def is_complete_for(self, document: Document) -> bool:
        """Whether the stage is done for the document as it is now, and not only for an older generation of it."""
        return self.status is StageStatus.COMPLETE and self.generation == document.generation


class Box(Frozen):
    """A rectangle on a page, in points, from the top left corner of the page as it is shown."""

    page: int
    left: float
    top: float
    right: float
    bottom: float


PLAIN = "plain"
"""The route of formats that are text from end to end, which no other reader could take."""


class Page(Frozen):
    """How one page was read."""

    number: int
    """From 1. A slide, a sheet or the whole of a text without pages counts as a page."""
    width: float = 0.0
    """Points; 0 where the format has no page size."""
    height: float = 0.0
    route: str
    """The reader that took the page: text, layout, ocr, docling, vision, plain."""
    reason: str = ""
    characters: int = 0
    seconds: float = 0.0
    confidence: float | None = None
    """Of OCR, 0 to 1: the mean over what it found; None where no OCR was needed."""
    unread: str = ""
    """Why nothing on the page could be read with confidence; empty where it could, or the page is blank."""
    error: str = ""
    """What was lost, and why; empty when nothing was."""


class Figure(Frozen):
    """A picture cut out of a page: a part of the artifact."""

    reference: str
    """Of its item in docling's document: `#/pictures/0`."""
    page: int = 0
    """0 where the format has no pages."""
    box: Box | None = None
    """Where it stands on the page; None where the format has no places."""
    sha256: str = ""
    """Of the file, PNG or JPEG: the name of the part. Empty until it is cut out, never in a finished artifact."""
    media_type: str = ""
    width: int = 0
    """Pixels."""
    height: int = 0
    description: str = ""
    """By a vision model; empty where none was asked."""


class Attachment(Frozen):
    """A file that came inside another, such as a mail's: a part of the artifact, and a document of its own."""

    name: str
    """As the sender called it: for people, never a path."""
    size: int
    """Bytes."""
    sha256: str


class ParsedHead(Frozen):
    """What stands before docling's document in the artifact, and can be read without it."""

    pages: tuple[Page, ...]
    warnings: tuple[str, ...] = ()
    figures: tuple[Figure, ...] = ()
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """Artifact of `parsed_pages`: docling's document, how each page of it was read, and which files are its parts."""

    document: DoclingDocument
    pages: tuple[Page, ...]
    warnings: tuple[str, ...] = ()
    """What the reader repaired or lost, for people."""
    figures: tuple[Figure, ...] = ()
    attachments: tuple[Attachment, ...] = ()

    def to_bytes(self) -> bytes:
        head = ParsedHead(pages=self.pages, warnings=self.warnings, figures=self.figures, attachments=self.attachments)
        # Made of the cells whenever it is asked for: written out it doubles a table, and a ragged one takes rows times columns.
        grids = {"tables": {"__all__": {"data": {"grid"}}}}
        return head.to_bytes() + b"\n" + self.document.model_dump_json(by_alias=True, exclude_none=True, exclude=grids).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        from docling_core.types.doc.document import DoclingDocument

        first, _, body = data.partition(b"\n")
        head = ParsedHead.from_bytes(first)
        try:
            document = DoclingDocument.model_validate_json(body)
        except ValueError as error:
            raise ArtifactDamaged(f"not a ParsedDocument: {error}") from error
        return cls(document, head.pages, head.warnings, head.figures, head.attachments)

    @classmethod
    def head_of(cls, data: bytes) -> ParsedHead:
        """All but the document, which takes sixteen times its bytes in memory."""
        return ParsedHead.from_bytes(data.partition(b"\n")[0])

    @staticmethod
    def with_head(data: bytes, head: ParsedHead) -> bytes:
        """The same document behind another head."""
        return head.to_bytes() + b"\n" + data.partition(b"\n")[2]

    @property
    def counts(self) -> dict[str, int]:
        return parsed_counts(self.pages, self.attachments)


def parsed_counts(pages: Sequence[Page], attachments: Sequence[Attachment] = ()) -> dict[str, int]:
    """What a parsed document holds, as far as its head tells; for formats with more than one reader, its pages by route too."""
    counts = {"pages": len(pages), "characters": sum(page.characters for page in pages)}
    routes = sorted(page.route for page in pages if page.route != PLAIN)
    counts |= {f"{route}_pages": len(list(taken)) for route, taken in groupby(routes)}
    return counts | ({"attachments": len(attachments)} if attachments else {})


class Chunk(Frozen):
    """A passage small enough for the embedder, with the way back to its place in the document."""

    index: int
    """From 0, in reading order; unique in the document."""
    text: str
    """The passage itself, as shown to people."""
    heading_path: tuple[str, ...] = ()
    """Headings above it, outermost first."""
    boxes: tuple[Box, ...] = ()
    """Where it stands; empty for formats without pages."""
    pages: tuple[int, ...] = ()
    """Page, slide or sheet numbers, rising; empty for formats without them."""
    tokens: int
    """Of `embedding_text`, by the embedder's own tokenizer, without its special tokens."""
    kind: str = "text"
    """text or table."""
    overlap: int = 0
    """Characters at the start of `text` that repeat the end of the chunk before."""

    @property
    def embedding_text(self) -> str:
        """What is embedded: the heading path, then the passage."""
        return "\n".join((*self.heading_path, self.text))


class ChunkedDocument(Frozen):
    """Artifact of `chunks`."""

    title: str = ""
    chunks: tuple[Chunk, ...]

    @property
    def counts(self) -> dict[str, int]:
        return {"chunks": len(self.chunks), "tokens": sum(chunk.tokens for chunk in self.chunks)}


class Finding(Frozen):
    """Something a pattern recognised in a chunk: a date, an amount, an address."""

    kind: str
    """date, amount, email, url, phone, iban, …"""
    text: str
    value: str = ""
    """Normalised where that is possible: ISO 8601 dates, `EUR 1200.50`."""
    start: int
    """Character offset in the chunk's text."""


class Enrichment(Frozen):
    """What was learnt about one chunk."""

    chunk: int
    """The chunk's index."""
    language: str = ""
    """ISO 639-1; empty where the text is too short to tell."""
    key_phrases: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    quality: float = Field(ge=0, le=1)
    quality_reasons: tuple[str, ...] = ()
    """Why the score is below 1."""


class EnrichedDocument(Frozen):
    """Artifact of `enriched_chunks`: one enrichment a chunk, in the chunks' order."""

    document_class: str = ""
    class_scores: dict[str, float] = {}
    """Cosine similarity to each configured label."""
    language: str = ""
    """The language of most of the text."""
    quality: float = Field(default=1.0, ge=0, le=1)
    enrichments: tuple[Enrichment, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        return {"chunks": len(self.enrichments), "findings": sum(len(one.findings) for one in self.enrichments)}


@dataclass(frozen=True, slots=True)
class EmbeddedDocument:
    """Artifact of `embeddings`: one unit vector a chunk, in the chunks' order."""

    model: str
    vectors: np.ndarray[Any, np.dtype[np.float32]]
    """float32, shape (chunks, dimension)."""
    tokens: int = 0
    """Of all chunks: what the model read."""

    def to_bytes(self) -> bytes:
        head = json.dumps({"model": self.model, "shape": self.vectors.shape, "tokens": self.tokens}).encode()
        return head + b"\n" + np.ascontiguousarray(self.vectors, dtype="<f4").tobytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        try:
            head, body = data.split(b"\n", 1)
            fields: dict[str, Any] = json.loads(head)
            return cls(fields["model"], np.frombuffer(body, dtype="<f4").reshape(fields["shape"]), int(fields["tokens"]))
        except (ValueError, KeyError, TypeError) as error:
            raise ArtifactDamaged(f"not an EmbeddedDocument: {error}") from error

    @property
    def counts(self) -> dict[str, int]:
        return {"vectors": len(self.vectors), "tokens": self.tokens}


class IndexedDocument(Frozen):
    """Artifact of `indexed_vectors`: the receipt of what the index holds for the document."""

    collection: str
    generation: int
    points: int

    @property
    def counts(self) -> dict[str, int]:
        return {"points": self.points}
