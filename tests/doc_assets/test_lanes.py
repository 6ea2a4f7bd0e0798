"""Lanes in Dagster: what executors read, and pools across runs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest
from dagster_k8s.job import UserDefinedDagsterK8sConfig, get_user_defined_k8s_config

from doc_assets.definitions import defs
from doc_assets.executor import executor_for
from doc_assets.lanes import CPU, GPU, IO, Lane, lane_for
from docpipe.errors import ConfigurationError
from docpipe.models import StageName
from docpipe.settings import Settings
from resources.pool_limits import set_pool_limits

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("lane", [CPU, GPU, IO], ids=lambda lane: lane.name)
def test_kubernetes_gets_resources_and_a_place(lane: Lane) -> None:
    @dg.op(tags=lane.op_tags)
    def work() -> None:
        """Has the lane's tags as Dagster writes them down."""

    config = get_user_defined_k8s_config(work.tags)
    assert config != UserDefinedDagsterK8sConfig.from_dict({})
    limits = config.container_config["resources"]["limits"]
    assert ("nvidia.com/gpu" in limits) == (lane is GPU)
    assert config.container_config["resources"]["requests"]["memory"] == limits["memory"]
    assert {"key": "docpipe/lane", "operator": "Equal", "value": lane.name, "effect": "NoSchedule"} in config.pod_spec_config["tolerations"]
    assert config.pod_spec_config["automount_service_account_token"] is False
    assert config.pod_template_spec_metadata["labels"] == {"docpipe/part": "step", "docpipe/lane": lane.name}


def test_the_settings_give_a_step_its_resources(settings: Callable[..., Settings]) -> None:
    usual, given = settings(), settings(lane_resources="gpu=3/12Gi,io=1/4Gi")
    assert lane_for(StageName.EMBEDDINGS, usual) == GPU
    assert lane_for(StageName.PARSED_PAGES, given) == CPU
    config = lane_for(StageName.EMBEDDINGS, given).op_tags["dagster-k8s/config"]
    wanted = {"requests": {"cpu": "3", "memory": "12Gi"}, "limits": {"memory": "12Gi", "nvidia.com/gpu": "1"}}
    assert config["container_config"]["resources"] == wanted
    # What has nothing to do with resources stays.
    assert config["pod_spec_config"] == GPU.op_tags["dagster-k8s/config"]["pod_spec_config"]
    # A provider's embeddings are on the lane io, and have what it has.
    paid = settings(lane_resources="gpu=3/12Gi,io=1/4Gi", embedder="openai:text-embedding-3-small")
    assert (lane_for(StageName.EMBEDDINGS, paid).cpu, lane_for(StageName.EMBEDDINGS, paid).memory) == ("1", "4Gi")


def test_the_settings_give_a_step_its_image_and_account(settings: Callable[..., Settings]) -> None:
    given = settings(lane_images="cpu=registry.example:5000/docpipe/cpu:1.2", lane_accounts="cpu=docpipe-worker")
    for stage, image, account in (
        (StageName.CHUNKS, "registry.example:5000/docpipe/cpu:1.2", "docpipe-worker"),
        (StageName.EMBEDDINGS, None, None),
    ):
        config = lane_for(stage, given).op_tags["dagster-k8s/config"]
        assert (config["container_config"].get("image"), config["pod_spec_config"].get("service_account_name")) == (image, account)


def test_a_step_asks_for_no_gpu_where_there_is_none(settings: Callable[..., Settings]) -> None:
    config = lane_for(StageName.EMBEDDINGS, settings(gpu_count=0, lane_resources="gpu=4/6Gi")).op_tags["dagster-k8s/config"]
    assert config["container_config"]["resources"] == {"requests": {"cpu": "4", "memory": "6Gi"}, "limits": {"memory": "6Gi"}}
    assert "node_selector" not in config["pod_spec_config"]
    assert [one["key"] for one in config["pod_spec_config"]["tolerations"]] == ["docpipe/lane"]
    assert lane_for(StageName.EMBEDDINGS, settings(gpu_count=2)) == GPU


@pytest.mark.parametrize(("executor", "name"), [("in_process", "in_process"), ("celery", "lanes"), ("k8s", "k8s")])
def test_the_settings_choose_the_executor(
    settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch, executor: str, name: str
) -> None:
    settings()
    monkeypatch.setenv("DOCPIPE_EXECUTOR", executor)
    made = defs()
    assert isinstance(made, dg.Definitions)
    job = made.resolve_job_def("index_documents")
    assert job.executor_def.name == name
    # Dagster must be able to write down all that the definitions say.
    assert job.get_job_snapshot_id()
    lanes = {stage: made.resolve_asset_graph().get(dg.AssetKey(stage.value)).assets_def.op for stage in StageName}
    assert {stage: op.tags["dagster-celery/queue"] for stage, op in lanes.items()} == {stage: op.pool for stage, op in lanes.items()}


@pytest.mark.parametrize(("executor", "missing", "extra"), [("celery", "dagster_celery", "lanes"), ("k8s", "dagster_k8s", "k8s")])
def test_an_executor_that_is_not_installed_says_what_to_install(executor: str, missing: str, extra: str) -> None:
    script = f"""
import sys
sys.modules[{missing!r}] = None
from docpipe.errors import ConfigurationError
from docpipe.settings import load_settings
from doc_assets.executor import executor_for
try:
    executor_for(load_settings(executor={executor!r}))
except ConfigurationError as error:
    print(error)
"""
    command = [sys.executable, "-W", "ignore", "-c", script]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True)
    assert f"pip install 'docpipe[{extra}]'" in found.stdout


def test_no_other_executor_is_known(settings: Callable[..., Settings]) -> None:
    with pytest.raises(ConfigurationError, match="DOCPIPE_EXECUTOR"):
        executor_for(settings(executor="ray"))


def test_pools_are_limited_and_freed(tmp_path: Path) -> None:
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        storage = instance.event_log_storage
        storage.set_concurrency_slots("somebody else's", 7)
        set_pool_limits(instance, {"cpu": 2, "openai": 1})
        set_pool_limits(instance, {"cpu": 3})
        assert {pool.name: pool.limit for pool in storage.get_pool_limits()} == {"somebody else's": 7, "cpu": 3}
