"""From rows of the tables to the data that travels."""

from __future__ import annotations

from sqlalchemy import RowMapping

from docpipe.models import Document, DocumentStatus, StageName, StageState, StageStatus


def document_of(row: RowMapping) -> Document:
    return Document(
        key=row["key"],
        object_key=row["object_key"],
        generation=row["generation"],
        media_type=row["media_type"],
        size=row["size"],
        etag=row["etag"],
        version=row["version"],
        status=DocumentStatus(row["status"]),
        content_sha256=row["content_sha256"],
        batch_id=row["batch_id"],
        attempts=row["attempts"],
        error=row["error"],
        modified=row["modified"],
        first_seen=row["first_seen"],
        updated=row["updated"],
        parent=row["parent"],
        parent_fingerprint=row["parent_fingerprint"],
        attachments_due=row["attachments_due"],
        priority=row["priority"],
        not_before=row["not_before"],
    )


def stage_state_of(row: RowMapping) -> StageState:
    return StageState(
        key=row["key"],
        stage=StageName(row["stage"]),
        generation=row["generation"],
        status=StageStatus(row["status"]),
        fingerprint=row["fingerprint"],
        recipe=row["recipe"],
        attempts=row["attempts"],
        seconds=row["seconds"],
        counts=dict(row["counts"]),
        error_kind=row["error_kind"],
        error=row["error"],
        run_id=row["run_id"],
        started=row["started"],
        finished=row["finished"],
        cpu_seconds=row["cpu_seconds"],
        gpu_seconds=row["gpu_seconds"],
        cost_usd=row["cost_usd"],
    )
