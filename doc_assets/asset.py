"""What all five assets have in common: partitions, batches, group and lane."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import dagster as dg

from doc_assets.lanes import Lane
from doc_assets.partitions import DOCUMENTS
from docpipe.settings import load_settings

GROUP = "documents"


def stage_asset(lane: Lane, code_version: str) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    """Declare a stage: partitioned by document, many documents a run, on its lane.

    The backfill policy is the same for all five: where policies differ, Dagster splits a backfill into a run for each.
    """
    return dg.asset(
        partitions_def=DOCUMENTS,
        code_version=code_version,
        backfill_policy=dg.BackfillPolicy.multi_run(load_settings().batch_documents),
        group_name=GROUP,
        kinds={"python", lane.name},
        op_tags=lane.op_tags,
        pool=lane.name,
        io_manager_key="batch_io",
    )
