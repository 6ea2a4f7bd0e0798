"""The job of a batch, and the one that checks the whole."""

from __future__ import annotations

import dagster as dg

from doc_assets.asset import GROUP
from doc_assets.checks import batch_is_whole, index_equals_bucket
from doc_assets.daily_metrics import pipeline_metrics_daily
from doc_assets.retrieval_quality import retrieval_quality

index_documents = dg.define_asset_job(
    "index_documents",
    selection=dg.AssetSelection.groups(GROUP).without_checks() | dg.AssetSelection.checks(batch_is_whole),
    description="Takes a batch of documents through all five stages.",
)

check_consistency = dg.define_asset_job(
    "check_consistency",
    selection=dg.AssetSelection.checks(index_equals_bucket, retrieval_quality),
    description="Compares bucket, ledger, artifacts and index, and asks the golden set.",
)

daily_metrics = dg.define_asset_job(
    "daily_metrics",
    selection=dg.AssetSelection.assets(pipeline_metrics_daily),
    description="Writes the numbers of the day, and draws those of the last two weeks.",
    tags={"dagster/priority": "1"},
)
