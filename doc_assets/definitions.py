"""The code location: everything Dagster loads."""

from __future__ import annotations

import dagster as dg

from doc_assets.batch_io import BatchIOManager
from doc_assets.checks import batch_is_whole, index_equals_bucket
from doc_assets.chunks import chunks
from doc_assets.daily_metrics import pipeline_metrics_daily
from doc_assets.embeddings import embeddings
from doc_assets.enriched_chunks import enriched_chunks
from doc_assets.executor import executor_for
from doc_assets.indexed_vectors import indexed_vectors
from doc_assets.jobs import check_consistency, daily_metrics, index_documents
from doc_assets.parsed_pages import parsed_pages
from doc_assets.partitions import DOCUMENTS
from doc_assets.quarantine import drop_quarantined, quarantine_documents, release_quarantined
from doc_assets.removal import remove_documents
from doc_assets.retrieval_quality import retrieval_quality
from doc_assets.schedules import nightly
from doc_assets.switching import switch_collection
from doc_assets.upkeep import clean_up, reprocess_stale
from docpipe.settings import Settings, load_settings
from resources.pipeline import PipelineResource
from sensors.alerts import alerts_sensor
from sensors.documents import documents_sensor
from sensors.quarantine import quarantine_sensor
from sensors.staleness import staleness_sensor


@dg.definitions
def defs() -> dg.Definitions:
    pipeline, settings = PipelineResource(), load_settings()
    return dg.Definitions(
        assets=[parsed_pages, chunks, enriched_chunks, embeddings, indexed_vectors, pipeline_metrics_daily],
        asset_checks=[batch_is_whole, index_equals_bucket, retrieval_quality],
        jobs=[
            index_documents,
            remove_documents,
            switch_collection,
            check_consistency,
            quarantine_documents,
            release_quarantined,
            drop_quarantined,
            clean_up,
            reprocess_stale,
            daily_metrics,
        ],
        sensors=[
            documents_sensor(DOCUMENTS, index_documents, remove_documents, switch_collection, settings.sensor_seconds),
            quarantine_sensor(quarantine_documents, settings.quarantine_seconds),
            alerts_sensor(settings.alert_seconds),
            staleness_sensor(),
            *_cloudwatch(settings),
        ],
        schedules=nightly(settings),
        resources={"pipeline": pipeline, "batch_io": BatchIOManager(pipeline=pipeline)},
        executor=executor_for(settings),
    )


def _cloudwatch(settings: Settings) -> list[dg.SensorDefinition]:
    if not settings.cloudwatch:
        return []
    # It brings boto3, which every process that loads the code location would wait for.
    from sensors.cloudwatch import cloudwatch_sensor

    return [cloudwatch_sensor()]
