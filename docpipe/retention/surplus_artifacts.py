"""Artifacts that no document needs any more, found and deleted in one pass over the store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import groupby

from docpipe.artifacts import ArtifactStore, StoredArtifact
from docpipe.models import StageName
from docpipe.partition_key import document_id
from docpipe.pipeline import Pipeline
from docpipe.retention.kept_collections import MADE_FOR_A_COLLECTION, kept_until
from docpipe.retention.needed import Needed

PAGE = 1_000
IO_THREADS = 16
GRACE = timedelta(minutes=10)
"""By how much the clocks of machines may differ, and how long a stage may have held an artifact that it found."""


def surplus(pipeline: Pipeline, days: int, stage: StageName, needed: Needed, now: datetime) -> Iterator[list[StoredArtifact]]:
    """Yield what may go of one stage, in pages that hold whole documents.

    That is what is older than `days`, is named by no stage state, belongs to no document that has changed within `days`, and to no
    collection that searches can be sent back to.
    """
    before = now - timedelta(days=days)
    held = kept_until(pipeline) if stage in MADE_FOR_A_COLLECTION else None

    def may_go(one: StoredArtifact) -> bool:
        # Without a date nothing can be said of its age.
        old = one.modified is not None and one.modified < min(before, now - GRACE)
        return old and (held is None or (one.modified is not None and one.modified >= held))

    for page in _documents(pipeline.artifacts, stage):
        if old := [one for one in page if may_go(one)]:
            found = needed.surplus(old)
            if found:
                yield found


def delete_artifacts(pipeline: Pipeline, page: Sequence[StoredArtifact], started: datetime) -> list[StoredArtifact]:
    """Delete a page, but nothing of documents that have moved since the snapshot was taken; returns what was deleted.

    An artifact goes before its parts, so that a kill in between leaves parts that nobody names, and the next time finds them. A run
    that has just found one of these artifacts loses it: it notices, and makes the document anew.
    """
    moved = {document_id(key) for key in pipeline.ledger.changed_since(started - GRACE)}
    chosen = [one for one in page if one.document_id not in moved]
    with ThreadPoolExecutor(IO_THREADS) as threads:
        for kind in (False, True):
            list(threads.map(pipeline.artifacts.delete_stored, [one for one in chosen if bool(one.part) is kind]))
    return chosen


def snapshot(pipeline: Pipeline, days: int, now: datetime | None = None) -> Needed:
    """What is needed as of now."""
    return Needed.of(pipeline.ledger, (now or datetime.now(UTC)) - timedelta(days=days))


def _documents(artifacts: ArtifactStore, stage: StageName) -> Iterator[list[StoredArtifact]]:
    """The artifacts of a stage in pages that never end within a document."""
    page: list[StoredArtifact] = []
    for _, of_one in groupby(artifacts.list_stage(stage), key=lambda one: one.document_id):
        page.extend(of_one)
        if len(page) >= PAGE:
            yield page
            page = []
    if page:
        yield page
