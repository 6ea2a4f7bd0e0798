"""Tracebacks and last artifacts of documents that have left the quarantine long ago."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta

from docpipe.bucket import open_bucket
from docpipe.ledger import Ledger
from docpipe.ledger.quarantine import Confinement
from docpipe.models import ObjectInfo
from docpipe.partition_key import document_id
from docpipe.pipeline import Pipeline

_NAME = re.compile(r"errors/([0-9a-f]{32})/(\d+)/[^/]+")


def old_evidence(pipeline: Pipeline, days: int, now: datetime) -> Iterator[ObjectInfo]:
    """Yield what is older than `days`, except of documents that are in quarantine now."""
    held = {(document_id(one.key), one.generation) for one in _confined(pipeline.ledger)}
    bucket = open_bucket(pipeline.settings.artifacts_url, pipeline.settings)
    for info in bucket.list(prefix="errors/"):
        found = _NAME.fullmatch(info.key)
        old = info.modified is not None and info.modified < now - timedelta(days=days)
        if found and old and (found[1], int(found[2])) not in held:
            yield info


def delete_evidence(pipeline: Pipeline, info: ObjectInfo) -> None:
    """Remove one of these files."""
    open_bucket(pipeline.settings.artifacts_url, pipeline.settings).delete(info.key)


def _confined(ledger: Ledger) -> Iterator[Confinement]:
    """Those that lie in quarantine, and those on their way in or out."""
    for listed in (ledger.confined, ledger.confined_in_transit):
        after = 0
        while page := listed(after=after, limit=1_000):
            yield from page
            after = page[-1].number
