"""Everything put together from the settings: the one place that knows which class does which stage."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

from docpipe.artifacts import ArtifactStore
from docpipe.bucket import Bucket, open_bucket
from docpipe.ledger import Ledger
from docpipe.models import StageName
from docpipe.quarantine.evidence import Evidence
from docpipe.quarantine.quarantine import Quarantine
from docpipe.settings import Settings
from docpipe.source import Sources
from docpipe.stage import Stage
from docpipe.stage_run import StageResult, StageRun


class Pipeline:
    """The bucket, the ledger, the artifacts and the stages of one configuration; opened when first needed."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @cached_property
    def bucket(self) -> Bucket:
        return open_bucket(self.settings.bucket_url, self.settings)

    @cached_property
    def artifact_bucket(self) -> Bucket:
        return open_bucket(self.settings.artifacts_url, self.settings)

    @cached_property
    def artifacts(self) -> ArtifactStore:
        return ArtifactStore(self.artifact_bucket)

    @cached_property
    def evidence(self) -> Evidence:
        return Evidence(self.artifact_bucket, self.artifacts)

    @cached_property
    def quarantine(self) -> Quarantine:
        return Quarantine(self.bucket, self.ledger, self.evidence)

    @cached_property
    def sources(self) -> Sources:
        return Sources(self.bucket, self.artifacts)

    @cached_property
    def ledger(self) -> Ledger:
        return Ledger.open(self.settings.ledger_url)

    def stage(self, name: StageName, run_id: str = "") -> Stage:
        # Each stage's module is imported only where the stage runs: some are heavy.
        match name:
            case StageName.PARSED_PAGES:
                from docpipe.parse.stage import ParseStage

                return ParseStage(self.settings)
            case StageName.CHUNKS:
                from docpipe.chunk.stage import ChunkStage

                return ChunkStage(self.settings)
            case StageName.ENRICHED_CHUNKS:
                from docpipe.enrich.stage import EnrichStage

                return EnrichStage(self.settings)
            case StageName.EMBEDDINGS:
                from docpipe.embed.stage import EmbedStage

                return EmbedStage(self.settings)
            case StageName.INDEXED_VECTORS:
                from docpipe.index.stage import IndexStage

                return IndexStage(self.settings, run_id)

    @cached_property
    def stages(self) -> tuple[Stage, ...]:
        """All five, in order; for plans, which only read their recipes."""
        return tuple(self.stage(name) for name in StageName)

    def run(self, name: StageName, keys: Sequence[str], run_id: str = "") -> Iterator[StageResult]:
        """Take documents through one stage; see `StageRun.run`."""
        return StageRun(self.stage(name, run_id), self.ledger, self.artifacts, self.bucket, self.settings, run_id).run(keys)

    def remove(self, keys: Sequence[str]) -> None:
        """Remove documents that left the bucket: points first, then artifacts, then the tombstone.

        In this order a kill between two steps leaves the document marked for removal, and the next try ends it.
        """
        from docpipe.render.picture_cache import picture_cache

        if not keys:
            return
        self.take_out(keys)
        pictures = picture_cache(self.settings)
        for key in keys:
            self.artifacts.delete_document(key)
            pictures.forget(key)
            # An older version that is still held keeps what tells why.
            if not any(one.ended is None and one.held_as for one in self.ledger.confinements_of(key)):
                self.evidence.delete(key)
        self.ledger.tombstone(keys)

    def withdraw(self, keys: Sequence[str]) -> None:
        """Take the old version of documents out of the index, whose new version was refused or failed.

        What somebody indexes of them meanwhile, of their present generation or a newer one, stays.
        """
        present = {key: document.generation for key, document in self.ledger.documents(keys).items()}
        self.take_out(keys, keep=present)
        self.ledger.forget_index(keys)

    def take_out(self, keys: Sequence[str], keep: Mapping[str, int] | None = None) -> None:
        """Delete the points of documents from every collection, whether it is searched, built or kept: see `IndexWriter.delete`."""
        from docpipe.index import open_catalog, open_writer

        with open_catalog(self.settings) as catalog:
            collections = [one.collection for one in catalog.listed()]
        for collection in collections:
            with open_writer(self.settings, collection) as index:
                index.delete(keys, keep)
