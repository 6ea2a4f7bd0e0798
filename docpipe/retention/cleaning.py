"""One pass of cleaning: what would go, or what went, in numbers and bytes."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from docpipe.artifacts import StoredArtifact
from docpipe.models import StageName
from docpipe.pipeline import Pipeline
from docpipe.retention.old_evidence import delete_evidence, old_evidence
from docpipe.retention.surplus_artifacts import delete_artifacts, snapshot, surplus

log = logging.getLogger(__name__)

EVIDENCE, DAYS = "evidence", "daily metrics"
LEASE = "clean"
"""Two passes at a time do each other no harm: the lease only spares the work."""


@dataclass(slots=True)
class Swept:
    """Of one kind."""

    objects: int = 0
    size: int = 0
    """Bytes as stored."""


@dataclass(slots=True)
class Cleaned:
    """Of all kinds: a stage's artifacts under its name, `evidence`, `daily metrics`."""

    kinds: dict[str, Swept] = field(default_factory=dict)

    def add(self, kind: str, sizes: Iterable[int]) -> None:
        swept = self.kinds.setdefault(kind, Swept())
        for size in sizes:
            swept.objects += 1
            swept.size += size

    @property
    def size(self) -> int:
        return sum(swept.size for swept in self.kinds.values())

    @property
    def told(self) -> str:
        """In a line."""
        parts = [f"{swept.objects:,} of {kind} ({swept.size / 1e6:,.1f} MB)" for kind, swept in self.kinds.items() if swept.objects]
        return ", ".join(parts) or "nothing"


def clean(pipeline: Pipeline, *, plan: bool = False) -> Cleaned:
    """Delete what the settings no longer keep; with `plan` only say what that would be. Killed anywhere, the next pass goes on.

    Raises `BucketUnavailable` and `IndexUnavailable` where a store does not answer; what was deleted until then is deleted.
    """
    settings, started, cleaned = pipeline.settings, datetime.now(UTC), Cleaned()
    needed = snapshot(pipeline, settings.artifact_days, started)
    for stage in StageName:
        for page in surplus(pipeline, settings.artifact_days, stage, needed, started):
            gone: Sequence[StoredArtifact] = page if plan else delete_artifacts(pipeline, page, started)
            cleaned.add(stage.value, [one.size for one in gone])
        log.info("%s: %s %s", stage, cleaned.told, "would go" if plan else "deleted")
    for info in old_evidence(pipeline, settings.error_days, started):
        if not plan:
            delete_evidence(pipeline, info)
        cleaned.add(EVIDENCE, [info.size])
    if not plan:
        before = (started - timedelta(days=settings.metric_days)).date().isoformat()
        cleaned.add(DAYS, [0] * pipeline.ledger.forget_days(before))
    return cleaned
