"""Mends what a check found and the sensor would not mend by itself."""

from __future__ import annotations

from docpipe.consistency import Consistency, Kind
from docpipe.models import Document, DocumentStatus, StageName
from docpipe.pipeline import Pipeline

REDONE = (Kind.UNFINISHED, Kind.ARTIFACT_MISSING, Kind.NOT_INDEXED, Kind.WRONG_POINTS)


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
    """Remove points that no document accounts for from every collection; returns the partition keys concerned."""
    documents = pipeline.ledger.documents(keys)
    removed = [key for key in keys if key not in documents or not found.is_moving(documents[key])]
    pipeline.take_out(removed, keep={key: _first_rightful(document) for key, document in documents.items()})
    return removed


def _first_rightful(document: Document) -> int:
    """The oldest generation of which the index may hold points, now or when a document comes back that was deleted or is in quarantine."""
    gone = document.status in (DocumentStatus.DELETED, DocumentStatus.QUARANTINED)
    return document.generation + 1 if gone else document.generation
