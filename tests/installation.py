"""The product as it is installed: a home, a bucket, a ledger and a Dagster instance, all in one folder and one process."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.partitions.context import partition_loading_context
from dagster._core.storage.partition_status_cache import get_and_update_asset_status_cache_value

from doc_assets.definitions import defs
from doc_assets.partitions import DOCUMENTS
from docpipe.cli.dagster_process import DAGSTER_ENVIRONMENT
from docpipe.models import Document, DocumentStatus, StageName
from docpipe.pipeline import Pipeline
from docpipe.stage import Stage
from resources.pipeline import PipelineResource, _pipeline
from tests.environment import forget_variables
from tests.small_stages import small_stages
from tests.stages import Trouble


@dataclass(frozen=True)
class Tick:
    """What one evaluation of the sensor came to."""

    requests: list[dg.RunRequest]
    skipped: str
    cursor: str

    def of(self, job: str) -> list[dg.RunRequest]:
        return [request for request in self.requests if request.job_name == job]


@dataclass(frozen=True)
class Partitions:
    """An asset's partitions as the UI colours them."""

    materialized: set[str]
    failed: set[str]
    missing: set[str]


class Installation:
    """What a test does with it: put objects into the bucket, let the sensor look, run what it requests."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self.instance = instance
        self.definitions = defs()
        self.cursor: str | None = None

    @property
    def pipeline(self) -> Pipeline:
        return PipelineResource().open()

    def put(self, **texts: str) -> None:
        for name, text in texts.items():
            self.pipeline.bucket.write(name, text.encode())

    def tick(self) -> Tick:
        """Evaluate the sensor as Dagster's daemon does, but launch nothing."""
        context = dg.build_sensor_context(
            instance=self.instance, definitions=self.definitions, cursor=self.cursor, resources={"pipeline": PipelineResource()}
        )
        data = self.definitions.resolve_sensor_def("documents").evaluate_tick(context)
        self.cursor = data.cursor
        return Tick(list(data.run_requests or ()), data.skip_message or "", data.cursor or "")

    def run(self, request: dg.RunRequest) -> dg.ExecuteInProcessResult:
        """Run what the sensor requested, in this process."""
        assert request.job_name
        tags = {**request.tags, "dagster/run_key": request.run_key or ""}
        return self.execute(request.job_name, tags=tags)

    def execute(self, job: str, partition_key: str | None = None, tags: Mapping[str, str] | None = None) -> dg.ExecuteInProcessResult:
        definition = self.definitions.resolve_job_def(job)
        return definition.execute_in_process(
            instance=self.instance, partition_key=partition_key, tags=dict(tags or {}), raise_on_error=False
        )

    def process_all(self) -> list[dg.ExecuteInProcessResult]:
        """One tick, and every run it requests."""
        return [self.run(request) for request in self.tick().requests]

    def document(self, key: str) -> Document:
        return self.pipeline.ledger.documents([key])[key]

    def statuses(self) -> dict[str, DocumentStatus]:
        return {document.key: document.status for document in self.pipeline.ledger.all_documents()}

    def partitions(self, stage: StageName) -> Partitions:
        """As Dagster's own status cache, which the UI reads, has them."""
        every = set(self.instance.get_dynamic_partitions(str(DOCUMENTS.name)))
        with partition_loading_context(None, self.instance):
            cached = get_and_update_asset_status_cache_value(self.instance, dg.AssetKey(stage.value), DOCUMENTS, self.instance)
            if cached is None:
                return Partitions(set(), set(), every)
            materialized = set(cached.deserialize_materialized_partition_subsets(DOCUMENTS).get_partition_keys())
            failed = set(cached.deserialize_failed_partition_subsets(DOCUMENTS).get_partition_keys())
            assert not set(cached.deserialize_in_progress_partition_subsets(DOCUMENTS).get_partition_keys())
        return Partitions(materialized, failed, every - materialized - failed)

    def materializations(self, stage: StageName) -> list[dg.AssetMaterialization]:
        """Newest first."""
        records = self.instance.fetch_materializations(dg.AssetKey(stage.value), limit=1_000).records
        return [record.asset_materialization for record in records if record.asset_materialization]

    def observations(self, stage: StageName) -> list[dg.AssetObservation]:
        """Newest first."""
        records = self.instance.fetch_observations(dg.AssetKey(stage.value), limit=1_000).records
        return [record.asset_observation for record in records if record.asset_observation]


def use_small_stages(monkeypatch: pytest.MonkeyPatch, trouble: Mapping[StageName, Trouble]) -> dict[StageName, Stage]:
    """Let every pipeline of this process run small stages instead of its own; returns them."""
    stages = small_stages(trouble)
    monkeypatch.setattr(Pipeline, "stage", lambda self, name, run_id="": stages[name])
    return stages


@contextmanager
def installation_at(home: Path, monkeypatch: pytest.MonkeyPatch, *, on_disk: bool = False) -> Iterator[Installation]:
    """Settings from the environment with this home alone, and nothing left of it afterwards.

    Dagster's storage is in memory, since its events are many and a disk is slow; `on_disk`: in SQLite files as installed.
    """
    forget_variables(monkeypatch)
    home.mkdir(parents=True, exist_ok=True)
    monkeypatch.chdir(home)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("DOCPIPE_HOME", str(home))
    # What comes back is tried again at the next tick.
    monkeypatch.setenv("DOCPIPE_REST_SECONDS", "0")
    for name, value in DAGSTER_ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    _pipeline.cache_clear()
    dagster = home / "dagster"
    dagster.mkdir(exist_ok=True)
    with dg.DagsterInstance.local_temp(str(dagster)) if on_disk else dg.DagsterInstance.ephemeral() as instance:
        yield Installation(instance)
    if _pipeline.cache_info().currsize:
        _pipeline().ledger.close()
    _pipeline.cache_clear()
