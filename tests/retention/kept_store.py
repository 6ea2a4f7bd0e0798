"""A pipeline with small stages whose artifacts can be made to look old."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from docpipe.models import StageName
from docpipe.pipeline import Pipeline
from docpipe.reconcile import reconcile
from docpipe.stage import Stage
from docpipe.stage_run import StageRun

DAY = 86_400.0


class KeptStore:
    """Documents that were taken through stages, in a folder."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline

    @property
    def folder(self) -> Path:
        return self.pipeline.settings.home / "artifacts"

    def put(self, *keys: str, text: str = "one line\nanother") -> None:
        for key in keys:
            self.pipeline.bucket.write(key, text.encode())
        reconcile(self.pipeline.bucket, self.pipeline.ledger, self.pipeline.settings)

    def run(self, stages: Mapping[StageName, Stage], keys: Sequence[str], only: Sequence[StageName] = tuple(StageName)) -> None:
        each = self.pipeline
        for name in only:
            list(StageRun(stages[name], each.ledger, each.artifacts, each.bucket, each.settings, "run").run(keys))

    def age(self, days: float, since: float = 0.0) -> None:
        """Let everything in the store look older, except what is older than `since` seconds already."""
        for path in self.files():
            if time.time() - path.stat().st_mtime >= since:
                os.utime(path, (time.time() - days * DAY,) * 2)

    def files(self) -> list[Path]:
        return sorted(path for path in self.folder.rglob("*") if path.is_file())

    def names(self) -> set[str]:
        return {str(path.relative_to(self.folder)) for path in self.files()}
