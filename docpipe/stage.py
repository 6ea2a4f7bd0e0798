"""The contract of a stage: documents in, artifacts or errors out, one at a time, in any order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from docpipe.checkpoint import Checkpoint
from docpipe.cost.usage import NO_USAGE, Usage
from docpipe.fingerprint import Recipe
from docpipe.models import (
    ChunkedDocument,
    Document,
    EmbeddedDocument,
    EnrichedDocument,
    IndexedDocument,
    ParsedDocument,
    StageName,
    parsed_counts,
)

Artifact = ParsedDocument | ChunkedDocument | EnrichedDocument | EmbeddedDocument | IndexedDocument

ARTIFACT_TYPES: Mapping[StageName, type[Artifact]] = {
    StageName.PARSED_PAGES: ParsedDocument,
    StageName.CHUNKS: ChunkedDocument,
    StageName.ENRICHED_CHUNKS: EnrichedDocument,
    StageName.EMBEDDINGS: EmbeddedDocument,
    StageName.INDEXED_VECTORS: IndexedDocument,
}

INPUTS: Mapping[StageName, tuple[StageName, ...]] = {
    StageName.PARSED_PAGES: (),
    StageName.CHUNKS: (StageName.PARSED_PAGES,),
    StageName.ENRICHED_CHUNKS: (StageName.CHUNKS,),
    StageName.EMBEDDINGS: (StageName.CHUNKS,),
    StageName.INDEXED_VECTORS: (StageName.CHUNKS, StageName.ENRICHED_CHUNKS, StageName.EMBEDDINGS),
}
"""Embeddings read the chunks, not the enrichment: a new label then costs no new vector."""


WORK_COUNTS = frozenset({"cached", "kept_pages", "billed_tokens", "vision_tokens"})
"""Counts of what making an artifact took, which stand beside those of what it holds."""


def follows(later: StageName, earlier: StageName) -> bool:
    """Whether one stage needs what another makes, directly or through others."""
    return any(name is earlier or follows(name, earlier) for name in INPUTS[later])


def counts_of(name: StageName, data: bytes) -> Mapping[str, int]:
    """What a stored artifact holds; raises `ArtifactDamaged`."""
    if name is StageName.PARSED_PAGES:
        head = ParsedDocument.head_of(data)
        return parsed_counts(head.pages, head.attachments)
    return ARTIFACT_TYPES[name].from_bytes(data).counts


@dataclass(frozen=True, slots=True)
class Item:
    """One document on its way through one stage."""

    document: Document
    inputs: Mapping[StageName, Callable[[], bytes]] = field(default_factory=dict)
    """Each loads the stored artifact of an earlier stage, so that a batch never lies in memory whole."""
    source: Path | None = None
    """A local copy of the object, for `parsed_pages` alone."""
    checkpoint: Checkpoint | None = None
    """For what takes long: what is kept there outlives a kill, and is removed when the artifact is stored, or none will come."""


@dataclass(frozen=True, slots=True)
class Effort:
    """What one document took besides time; its share, where documents are worked on together."""

    cpu_seconds: float = 0.0
    """Of this process and of its workers, as the system counts them."""
    gpu_seconds: float = 0.0
    """By the clock, on a card of this machine."""
    usage: Usage = NO_USAGE

    def __add__(self, other: Effort) -> Effort:
        return Effort(self.cpu_seconds + other.cpu_seconds, self.gpu_seconds + other.gpu_seconds, self.usage + other.usage)


NO_EFFORT = Effort()


@dataclass(frozen=True, slots=True)
class Made:
    """The artifact of one document, already serialized: stages may make it in another process."""

    key: str
    data: bytes
    counts: Mapping[str, int]
    """What it holds (pages, chunks, tokens, vectors), and what it took (`WORK_COUNTS`), for the ledger, the UI and the metrics."""
    seconds: float
    """Work on this document alone; a share of it where documents are worked on together."""
    parts: Sequence[Path] = ()
    """Files that belong to the artifact, which names them by their sha256: stored before it, and the stage's to remove afterwards."""
    effort: Effort = NO_EFFORT


@dataclass(frozen=True, slots=True)
class Lost:
    """One document that the stage could not do; the others go on."""

    key: str
    error: Exception
    seconds: float = 0.0
    effort: Effort = NO_EFFORT


Outcome = Made | Lost


class Stage(Protocol):
    """One of the five stages."""

    name: StageName

    def recipe(self, document: Document) -> Recipe:
        """What the document's artifact would be made with; cheap, called for every document of a plan."""

    def process(self, items: Sequence[Item]) -> Iterator[Outcome]:
        """Yield one outcome for every item, as soon as it is there; never raise for one document's sake.

        A `ConfigurationError` is raised: no document could do better.
        """
