"""A picture of all definitions: what changes in it changes what people see in Dagster."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import dagster as dg
import pytest
from syrupy.assertion import SnapshotAssertion

from doc_assets.asset import GROUP
from doc_assets.definitions import defs
from docpipe.models import StageName
from docpipe.stage import INPUTS

HEAVY = (
    "torch",
    "boto3",
    "docling.document_converter",
    "openvino",
    "transformers",
    "matplotlib",
    "pymupdf.layout",
    "sentence_transformers",
)


@pytest.fixture(scope="module")
def definitions() -> dg.Definitions:
    made = defs()
    assert isinstance(made, dg.Definitions)
    return made


def test_definitions(definitions: dg.Definitions, snapshot: SnapshotAssertion) -> None:
    graph = definitions.resolve_asset_graph()
    assets: dict[str, Any] = {}
    for key in sorted(graph.get_all_asset_keys(), key=str):
        node = graph.get(key)
        assets[key.to_user_string()] = {
            "deps": sorted(parent.to_user_string() for parent in node.parent_keys),
            "group": node.group_name,
            "kinds": sorted(node.kinds),
            "description": node.description,
            "op_tags": dict(node.assets_def.op.tags),
            "pool": node.assets_def.op.pool,
            "partitions": repr(node.partitions_def),
            "backfill_policy": repr(node.backfill_policy),
            "code_version": node.code_version,
            "freshness": repr(node.freshness_policy),
        }
    checks = {
        check.name: {
            "asset": check.asset_key.to_user_string(),
            "blocking": check.blocking,
            "partitions": repr(check.partitions_def),
            "description": check.description,
        }
        for check in (graph.get_check_spec(key) for key in sorted(graph.asset_check_keys, key=str))
    }
    repository = definitions.get_repository_def()
    jobs = {
        job.name: {
            "description": job.description,
            "nodes": sorted(node.name for node in job.nodes),
            "partitions": repr(job.partitions_def),
        }
        for job in repository.get_all_jobs()
        if not job.name.startswith("__")
    }
    sensors = {
        sensor.name: {
            "jobs": sorted(job.name for job in sensor.jobs) if sensor.has_jobs else [],
            "status": sensor.default_status.value,
            "seconds": sensor.minimum_interval_seconds,
            "description": sensor.description,
        }
        for sensor in repository.sensor_defs
    }
    schedules = {
        schedule.name: {
            "job": schedule.job_name,
            "cron": schedule.cron_schedule,
            "zone": schedule.execution_timezone,
            "status": schedule.default_status.value,
        }
        for schedule in repository.schedule_defs
    }
    assert {"assets": assets, "checks": checks, "jobs": jobs, "sensors": sensors, "schedules": schedules} == snapshot


def test_the_assets_are_the_stages_and_hang_together_as_they_do(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    made_of_documents = dg.AssetSelection.groups(GROUP).resolve(graph)
    assert {key.to_user_string() for key in made_of_documents} == set(StageName)
    above = {stage: {parent.to_user_string() for parent in graph.get(dg.AssetKey(stage.value)).parent_keys} for stage in StageName}
    for stage in StageName:
        # What a stage reads it has above it, if only by way of another.
        reachable, found = set(above[stage]), set[str]()
        while reachable != found:
            found = set(reachable)
            reachable |= {higher for one in found for higher in above[StageName(one)]}
        assert set(INPUTS[stage]) <= found


def test_loading_the_code_location_imports_nothing_heavy() -> None:
    script = f"import sys, doc_assets.definitions as d; d.defs(); print([name for name in {HEAVY!r} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True, timeout=120, check=True)
    assert found.stdout.strip() == "[]"
