"""What all five assets have in common: partitions, batches, group and lane."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import dagster as dg

from doc_assets.lanes import lane_for
from doc_assets.partitions import DOCUMENTS
from docpipe.lane import pool_of
from docpipe.models import StageName
from docpipe.settings import Settings, load_settings

GROUP = "documents"


def stage_asset(stage: StageName, code_version: str) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    """Declare a stage: partitioned by document, many documents a run, on its lane.

    The backfill policy is the same for all five: where policies differ, Dagster splits a backfill into a run for each.
    """
    settings = load_settings()
    lane = lane_for(stage, settings)
    return dg.asset(
        partitions_def=DOCUMENTS,
        code_version=code_version,
        backfill_policy=dg.BackfillPolicy.multi_run(settings.batch_documents),
        group_name=GROUP,
        kinds={"python", lane.name},
        op_tags=lane.op_tags,
        pool=pool_of(stage, settings),
        io_manager_key="batch_io",
        # None where no document passed: see `materialize`.
        output_required=False,
        freshness_policy=_freshness(settings),
    )


def _freshness(settings: Settings) -> dg.FreshnessPolicy | None:
    """Of the asset as a whole: some document came through. Whether each is up to date, its fingerprint says, not its age."""
    return dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=settings.fresh_hours)) if settings.fresh_hours else None
