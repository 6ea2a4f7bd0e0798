"""Do bucket, ledger, artifacts and index agree? Names every difference, and what mends it.

All four are read as streams and compared by partition key. A document on its way is no difference: it is counted apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from itertools import islice

from docpipe.artifacts import ArtifactStore
from docpipe.index import open_reader, open_writer
from docpipe.index.contract import IndexReader
from docpipe.ledger import Ledger
from docpipe.ledger.attachments import ATTACHMENTS, WITHOUT_CONTENT
from docpipe.ledger.failure import failed_for_good
from docpipe.models import IN_FLIGHT, Document, DocumentStatus, ObjectInfo, StageName, StageState
from docpipe.pipeline import Pipeline
from docpipe.reconcile import Arrived, differences

PAGE = 1_000
IO_THREADS = 16


class Kind(StrEnum):
    """What can differ, and by whom it is mended."""

    NOT_LISTED = "not listed"  # the next sensor tick
    CHANGED = "changed"  # the next sensor tick
    VANISHED = "vanished"  # the next sensor tick
    UNFINISHED = "unfinished"  # `repair`: queued again
    ARTIFACT_MISSING = "artifact missing"  # `repair`: queued again
    NOT_INDEXED = "not indexed"  # `repair`: indexed again
    WRONG_POINTS = "wrong points"  # `repair`: indexed again
    ORPHANED_POINTS = "orphaned points"  # `repair`: removed
    ATTACHMENTS = "attachments"  # `repair`: the next sensor tick looks at them


REDONE = (Kind.UNFINISHED, Kind.ARTIFACT_MISSING, Kind.NOT_INDEXED, Kind.WRONG_POINTS)


@dataclass(frozen=True, slots=True)
class Inconsistency:
    """One difference between two of the four."""

    kind: Kind
    name: str
    """Object key where the bucket is concerned, else partition key."""
    detail: str


@dataclass(slots=True)
class Consistency:
    """The verdict."""

    documents: Counter[str] = field(default_factory=Counter)
    """Documents by status."""
    objects: int = 0
    points: int = 0
    in_flight: int = 0
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    """What changed since then was seen half before and half after its change, and counts as in flight."""
    inconsistencies: list[Inconsistency] = field(default_factory=list)

    @property
    def agrees(self) -> bool:
        return not self.inconsistencies

    def is_moving(self, document: Document) -> bool:
        """Whether the document is on its way, or was at some time since the check began."""
        return document.status in (*IN_FLIGHT, DocumentStatus.PENDING) or self.has_changed(document)

    def has_changed(self, document: Document) -> bool:
        return document.updated is not None and document.updated > self.started


def check(pipeline: Pipeline) -> Consistency:
    """Compare all four; memory grows with the number of indexed documents by about 100 bytes each."""
    found = Consistency()
    found.inconsistencies += _bucket_differences(pipeline, found)
    with open_reader(pipeline.settings) as index:
        indexed = _inventory(index, found)
    with ThreadPoolExecutor(IO_THREADS) as threads:
        documents = pipeline.ledger.all_documents()
        while page := list(islice(documents, PAGE)):
            states = pipeline.ledger.stage_states([document.key for document in page])
            inside = pipeline.ledger.attachments([document.key for document in page])
            for document in page:
                found.documents[document.status] += 1
                generations = indexed.pop(document.key, {})
                if found.is_moving(document):
                    # Until a new generation is complete, the points of the one before are rightly there.
                    found.in_flight += 1
                else:
                    found.inconsistencies += _index_differences(document, states, generations)
                    found.inconsistencies += _attachment_differences(document, states, inside.get(document.key, ()))
            done = [document for document in page if document.status is DocumentStatus.INDEXED and not found.is_moving(document)]
            for missing in threads.map(partial(_artifact_differences, states, pipeline.artifacts), done):
                found.inconsistencies += missing
    for key, generations in indexed.items():
        found.inconsistencies.append(
            Inconsistency(Kind.ORPHANED_POINTS, key, f"{sum(generations.values())} points of a document that the ledger does not know")
        )
    return found


def repair(pipeline: Pipeline, found: Consistency) -> list[str]:
    """Mend what the sensor will not: queue documents again, take orphaned points away; returns the partition keys concerned.

    Documents that are on their way, or were touched since the check began, are left alone: the next check judges them.
    The receipt of a document whose points are missing or wrong is dropped first, else its next run would find it and
    believe that the index holds them.
    """
    looked_at = [
        key for key in dict.fromkeys(_names(found, Kind.ATTACHMENTS)) if not found.has_changed(pipeline.ledger.documents([key])[key])
    ]
    pipeline.ledger.look_again(looked_at)
    again = [key for key in dict.fromkeys(_names(found, *REDONE)) if _drop_receipt(pipeline, found, key)]
    orphaned = list(dict.fromkeys(_names(found, Kind.ORPHANED_POINTS)))
    return [*looked_at, *pipeline.ledger.requeue(again), *(_remove_points(pipeline, found, orphaned) if orphaned else [])]


def _names(found: Consistency, *kinds: Kind) -> list[str]:
    return [one.name for one in found.inconsistencies if one.kind in kinds]


def _drop_receipt(pipeline: Pipeline, found: Consistency, key: str) -> bool:
    """Drop the receipt of one document that shall be queued again; False where that is no longer due."""
    document = pipeline.ledger.documents([key]).get(key)
    if document is None or found.is_moving(document):
        return False
    state = pipeline.ledger.stage_states([key]).get((key, StageName.INDEXED_VECTORS))
    if state:
        pipeline.artifacts.delete(StageName.INDEXED_VECTORS, key, state.fingerprint)
    return True


def _remove_points(pipeline: Pipeline, found: Consistency, keys: list[str]) -> list[str]:
    """Remove points that no document accounts for, also now that the index is open; returns the partition keys concerned."""
    with open_writer(pipeline.settings) as index:
        documents = pipeline.ledger.documents(keys)
        removed = [key for key in keys if key not in documents or not found.is_moving(documents[key])]
        index.delete(removed, keep={key: _first_rightful(document) for key, document in documents.items()})
    return removed


def _first_rightful(document: Document) -> int:
    """The oldest generation of which the index may hold points, now or when a deleted document comes back."""
    return document.generation + 1 if document.status is DocumentStatus.DELETED else document.generation


def _bucket_differences(pipeline: Pipeline, found: Consistency) -> Iterator[Inconsistency]:
    ledger: Ledger = pipeline.ledger

    def listing() -> Iterator[ObjectInfo]:
        for info in pipeline.bucket.list():
            found.objects += 1
            yield info

    in_flight = set(IN_FLIGHT)
    for one in differences(listing(), ledger.known()):
        if isinstance(one, Arrived):
            document = ledger.find(one.info.key)
            if document is None or document.status is DocumentStatus.DELETED:
                yield Inconsistency(Kind.NOT_LISTED, one.info.key, "in the bucket, not in the ledger: the next sensor tick takes it")
            elif document.status not in in_flight and not found.has_changed(document):
                yield Inconsistency(Kind.CHANGED, one.info.key, "replaced since it was indexed: the next sensor tick takes it")
        else:
            document = ledger.documents([one.key]).get(one.key)
            if document and document.status not in in_flight and not found.has_changed(document):
                yield Inconsistency(Kind.VANISHED, one.object_key, "no longer in the bucket: the next sensor tick removes it")


def _inventory(index: IndexReader, found: Consistency) -> dict[str, dict[int, int]]:
    """Points by partition key and generation."""
    indexed: dict[str, dict[int, int]] = {}
    for key, generation, points in index.inventory():
        indexed.setdefault(key, {})[generation] = points
        found.points += points
    return indexed


def _index_differences(
    document: Document, states: dict[tuple[str, StageName], StageState], generations: dict[int, int]
) -> Iterator[Inconsistency]:
    if document.status is DocumentStatus.FAILED and not failed_for_good(document, states):
        # It may yet succeed, and its old version stays until then.
        return
    if document.status is not DocumentStatus.INDEXED:
        # A document that failed when it was reprocessed is still what the index holds of it.
        kept = document.generation if document.status is DocumentStatus.FAILED else None
        orphaned = sum(points for generation, points in generations.items() if generation != kept)
        if orphaned:
            yield Inconsistency(Kind.ORPHANED_POINTS, document.key, f"{orphaned} points of a document that is {document.status}")
        return
    state = states.get((document.key, StageName.INDEXED_VECTORS))
    expected = state.counts.get("points", 0) if state else 0
    points = generations.get(document.generation, 0)
    if expected and not points:
        yield Inconsistency(
            Kind.NOT_INDEXED, document.key, f"{expected} points expected, the index has none of generation {document.generation}"
        )
    elif points != expected:
        yield Inconsistency(Kind.WRONG_POINTS, document.key, f"the ledger says {expected} points, the index has {points}")
    for generation in generations.keys() - {document.generation}:
        yield Inconsistency(
            Kind.WRONG_POINTS,
            document.key,
            f"{generations[generation]} points of old generation {generation}",
        )


def _artifact_differences(
    states: dict[tuple[str, StageName], StageState], artifacts: ArtifactStore, document: Document
) -> list[Inconsistency]:
    missing: list[Inconsistency] = []
    for stage in StageName:
        state = states.get((document.key, stage))
        if state is None or not state.is_complete_for(document):
            missing.append(
                Inconsistency(Kind.UNFINISHED, document.key, f"indexed, but {stage} is not complete in generation {document.generation}")
            )
        elif not artifacts.exists(stage, document.key, state.fingerprint):
            missing.append(Inconsistency(Kind.ARTIFACT_MISSING, document.key, f"{stage} {state.fingerprint}"))
    if document.parent and not artifacts.has_part(
        StageName.PARSED_PAGES, document.parent, document.parent_fingerprint or "", document.etag
    ):
        missing.append(Inconsistency(Kind.ATTACHMENTS, document.parent, f"the bytes of {document.object_key} are missing"))
    return missing


def _attachment_differences(
    document: Document, states: dict[tuple[str, StageName], StageState], attachments: Sequence[Document]
) -> Iterator[Inconsistency]:
    """Compare the number of attachments that the document holds with those in the ledger."""
    parsed = states.get((document.key, StageName.PARSED_PAGES))
    expected = 0
    if document.status not in WITHOUT_CONTENT and parsed and parsed.is_complete_for(document):
        expected = parsed.counts.get(ATTACHMENTS, 0)
    elif document.status is DocumentStatus.FAILED and not failed_for_good(document, states):
        # Its old attachments stay as its old passages do.
        return
    known = sum(attachment.status is not DocumentStatus.DELETING for attachment in attachments)
    if known == expected:
        return
    detail = f"holds {expected} attachments, the ledger has {known}"
    if document.attachments_due:
        yield Inconsistency(Kind.NOT_LISTED, document.object_key, f"{detail}: the next sensor tick takes what there is")
    else:
        yield Inconsistency(Kind.ATTACHMENTS, document.key, detail)
