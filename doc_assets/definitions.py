"""The code location: everything Dagster loads."""

from __future__ import annotations

import dagster as dg

from doc_assets.batch_io import BatchIOManager
from doc_assets.checks import batch_is_whole, index_equals_bucket
from doc_assets.chunks import chunks
from doc_assets.embeddings import embeddings
from doc_assets.enriched_chunks import enriched_chunks
from doc_assets.indexed_vectors import indexed_vectors
from doc_assets.jobs import check_consistency, index_documents
from doc_assets.parsed_pages import parsed_pages
from doc_assets.partitions import DOCUMENTS
from doc_assets.removal import remove_documents
from doc_assets.retrieval_quality import retrieval_quality
from doc_assets.switching import switch_collection
from docpipe.settings import load_settings
from resources.pipeline import PipelineResource
from sensors.documents import documents_sensor


@dg.definitions
def defs() -> dg.Definitions:
    pipeline = PipelineResource()
    return dg.Definitions(
        assets=[parsed_pages, chunks, enriched_chunks, embeddings, indexed_vectors],
        asset_checks=[batch_is_whole, index_equals_bucket, retrieval_quality],
        jobs=[index_documents, remove_documents, switch_collection, check_consistency],
        sensors=[documents_sensor(DOCUMENTS, index_documents, remove_documents, switch_collection, load_settings().sensor_seconds)],
        resources={"pipeline": pipeline, "batch_io": BatchIOManager(pipeline=pipeline)},
        executor=dg.in_process_executor,
    )
