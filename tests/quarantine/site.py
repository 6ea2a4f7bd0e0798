"""A bucket, a ledger and artifacts with documents that fail, without Dagster and without an index."""

from __future__ import annotations

from collections.abc import Mapping

from docpipe.errors import ParseFailed
from docpipe.ledger.quarantine import Confinement
from docpipe.models import Document, DocumentStatus, StageName
from docpipe.pipeline import Pipeline
from docpipe.quarantine.sweep import sweep
from docpipe.reconcile import reconcile
from docpipe.stage import Stage
from tests.small_stages import small_stages

TEXT = b"one line\nanother"


class Site:
    """What a test does with it: put objects into the bucket, look at it, run the stages, sweep."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline
        self.failing = {"bad"}

    def trouble(self, document: Document, _time: int) -> Exception | None:
        return ParseFailed(f"{document.object_key} makes no sense") if document.object_key in self.failing else None

    @property
    def stages(self) -> Mapping[StageName, Stage]:
        return small_stages({StageName.CHUNKS: self.trouble})

    def put(self, name: str, data: bytes = TEXT) -> None:
        self.pipeline.bucket.write(name, data)

    def look(self) -> None:
        reconcile(self.pipeline.bucket, self.pipeline.ledger, self.pipeline.settings)

    def run(self) -> None:
        waiting = [document.key for document in self.pipeline.ledger.list_documents(DocumentStatus.PENDING)]
        for stage in list(StageName)[:-1]:
            list(self.pipeline.run(stage, waiting, "run"))

    def sweep(self) -> list[Confinement]:
        return list(sweep(self.pipeline))

    def fail(self, name: str = "bad", data: bytes = TEXT) -> None:
        """Put an object that fails into the bucket, and let it fail."""
        self.failing.add(name)
        self.put(name, data)
        self.look()
        self.run()
        assert self.document(name).status is DocumentStatus.FAILED

    def document(self, name: str = "bad") -> Document:
        document = self.pipeline.ledger.find(name)
        assert document is not None
        return document

    def confinement(self, name: str = "bad") -> Confinement:
        return self.pipeline.ledger.confinements_of(self.document(name).key)[0]

    def objects(self) -> dict[str, bytes]:
        return {info.key: self.pipeline.bucket.read(info.key) for info in self.pipeline.bucket.list()}

    def evidence(self, name: str = "bad", generation: int = 1) -> dict[str, bytes]:
        files = self.pipeline.evidence.files(self.document(name).key, generation)
        return {file.rpartition("/")[2]: self.pipeline.artifact_bucket.read(file) for file in files}

    def events(self, name: str = "bad") -> list[str]:
        return [entry.event.value for entry in self.pipeline.ledger.audit_trail(self.document(name).key)]
