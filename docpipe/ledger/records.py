"""What goes into the ledger and comes out of it, besides `Document` and `StageState`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from docpipe.models import DocumentStatus, ObjectInfo, StageName, StageStatus


@dataclass(frozen=True, slots=True)
class KnownObject:
    """What the sensor compares with the bucket's listing."""

    key: str
    object_key: str
    identity: tuple[str, int, str]
    status: DocumentStatus


@dataclass(frozen=True, slots=True)
class Arrival:
    """An object that is new or looks changed."""

    info: ObjectInfo
    key: str
    """Partition key, for an object the ledger does not know; a known one keeps the key that it has."""
    media_type: str
    refusal: str | None = None
    """Why it is not admitted; None: it is."""
    pages_estimate: int = 0
    parent: str | None = None
    """Partition key of the document that it is an attachment of; its etag is then the sha256 of its bytes."""
    parent_fingerprint: str | None = None
    """Of the parent's parsed artifact, which holds its bytes."""
    priority: int = 0


@dataclass(frozen=True, slots=True)
class PendingDocument:
    """A document that waits for a batch, with what a batch is cut by."""

    key: str
    size: int
    pages_estimate: int
    attempts: int = 0
    """Runs that ended without a verdict on it."""
    priority: int = 0
    since: datetime = field(default=datetime.min.replace(tzinfo=UTC), compare=False)
    """When it came to wait; `docpipe.waiting_line` says what the two make of its place."""


@dataclass(frozen=True, slots=True)
class Batch:
    """The documents of one run."""

    batch_id: str
    created: datetime
    range_start: str | None
    range_end: str | None
    documents: int
    """As many as were queued."""
    unfinished: int
    """Those still queued or running."""
    priority: int = 0
    """The highest of its documents."""
    cancelled: datetime | None = None


@dataclass(frozen=True, slots=True)
class StageTotal:
    """How many documents stand at one status of one stage, and the work they took."""

    documents: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Summary:
    """The whole ledger in numbers; what does not occur is not listed."""

    documents: Mapping[DocumentStatus, int]
    stages: Mapping[tuple[StageName, StageStatus], StageTotal]
    """Counts what each document's stage did last, also where that was for an earlier generation."""
