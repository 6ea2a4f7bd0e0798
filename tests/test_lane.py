"""Lanes and pools: who gets a stage, and what its worker takes of a machine."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from docpipe.cores import usable_cores
from docpipe.errors import ConfigurationError
from docpipe.gpus import DEVICES_VARIABLE, device_of, devices
from docpipe.lane import LaneName, Resources, lane_accounts, lane_images, lane_of, lane_resources, pool_limits, pool_of
from docpipe.lane_worker import lane_worker
from docpipe.models import StageName
from docpipe.settings import Settings


def test_a_stage_that_pays_a_provider_keeps_no_gpu_busy(settings: Callable[..., Settings]) -> None:
    own, paid = settings(), settings(embedder="openai:text-embedding-3-small")
    assert (lane_of(StageName.EMBEDDINGS, own), pool_of(StageName.EMBEDDINGS, own)) == (LaneName.GPU, "gpu")
    assert (lane_of(StageName.EMBEDDINGS, paid), pool_of(StageName.EMBEDDINGS, paid)) == (LaneName.IO, "openai")
    seeing = settings(vision_url="http://127.0.0.1:1/v1", vision_model="m")
    assert (lane_of(StageName.PARSED_PAGES, seeing), pool_of(StageName.PARSED_PAGES, seeing)) == (LaneName.CPU, "vision")


@pytest.mark.parametrize(("text", "limits"), [("", {}), ("cpu=8", {"cpu": 8}), (" cpu = 8 , openai=4,", {"cpu": 8, "openai": 4})])
def test_pools(text: str, limits: dict[str, int]) -> None:
    assert pool_limits(text) == limits


@pytest.mark.parametrize("text", ["cpu", "cpu=", "cpu=0", "cpu=-1", "cpu=1.5", "cpu=many", "tpu=1", "=1", "cpu=²"])
def test_a_pool_that_is_none_is_named(settings: Callable[..., Settings], text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"DOCPIPE_POOLS: .*pool"):
        settings(pools=text)


@pytest.mark.parametrize(
    ("text", "resources"),
    [
        ("", {}),
        ("cpu=4/16Gi", {LaneName.CPU: Resources("4", "16Gi")}),
        (" gpu = 0.5 / 1.5Ti ,io=500m/2000M,", {LaneName.GPU: Resources("0.5", "1.5Ti"), LaneName.IO: Resources("500m", "2000M")}),
    ],
)
def test_resources_of_lanes(text: str, resources: dict[LaneName, Resources]) -> None:
    assert lane_resources(text) == resources


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("tpu=1/2Gi", "no lane has the name 'tpu': there are cpu, gpu, io"),
        ("openai=1/2Gi", "no lane has the name 'openai'"),
        ("cpu", "the lane cpu needs processors first"),
        ("cpu=many/2Gi", "the lane cpu needs processors first"),
        ("cpu=0/2Gi", "the lane cpu needs processors first"),
        ("cpu=0m/2Gi", "the lane cpu needs processors first"),
        ("cpu=-1/2Gi", "the lane cpu needs processors first"),
        ("cpu=1.5m/2Gi", "the lane cpu needs processors first"),
        ("cpu=²/2Gi", "the lane cpu needs processors first"),
        ("io=4", "the lane io needs memory with its unit"),
        ("io=4/16", "the lane io needs memory with its unit"),
        ("io=4/0Gi", "the lane io needs memory with its unit"),
        ("io=4/16GB", "the lane io needs memory with its unit"),
        ("io=4/16Gi/2", "the lane io needs memory with its unit"),
        ("io=4/16Gi,io=2/8Gi", "the lane io stands there twice"),
    ],
)
def test_resources_that_kubernetes_would_refuse_are_told(settings: Callable[..., Settings], text: str, why: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"DOCPIPE_LANE_RESOURCES: {why}"):
        settings(lane_resources=text)


@pytest.mark.parametrize("field", ["redis", "celery_broker", "celery_results"])
def test_another_broker_is_refused_without_showing_its_password(settings: Callable[..., Settings], field: str) -> None:
    with pytest.raises(ConfigurationError, match="kept in Redis") as raised:
        settings(**{field: "amqp://guest:secret@host//"})
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("variables", "broker", "results"),
    [
        ({}, "redis://localhost:6379/1", "redis://localhost:6379/2"),
        ({"REDIS_HOST": "r", "REDIS_PORT": "7", "REDIS_PASSWORD": "a/b"}, "redis://:a%2Fb@r:7/1", "redis://:a%2Fb@r:7/2"),
        ({"REDIS_URL": "rediss://r:7/"}, "rediss://r:7/1", "rediss://r:7/2"),
        ({"REDIS_URL": "redis://r", "CELERY_BROKER_URL": "redis://b/5"}, "redis://b/5", "redis://r/2"),
    ],
)
def test_the_names_of_the_earlier_system_are_known(
    settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], broker: str, results: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    made = settings()
    assert (made.broker_url, made.results_url) == (broker, results)


def test_the_documents_of_a_cpu_worker_are_shared_by_its_steps(settings: Callable[..., Settings]) -> None:
    cores = usable_cores()
    usual = lane_worker(LaneName.CPU, settings())
    assert (usual.processes, usual.environment["DOCPIPE_WORKERS"]) == (2, str(cores))
    few = lane_worker(LaneName.CPU, settings(cpu_concurrency=1))
    assert (few.processes, few.environment["DOCPIPE_WORKERS"]) == (1, "1")
    own = lane_worker(LaneName.CPU, settings(workers=3))
    assert "DOCPIPE_WORKERS" not in own.environment


@pytest.mark.parametrize(("documents", "batch", "processes"), [(200, 100, 2), (200, 500, 1), (1, 1, 1), (250, 100, 3)])
def test_an_io_worker_has_steps_for_the_documents(settings: Callable[..., Settings], documents: int, batch: int, processes: int) -> None:
    assert lane_worker(LaneName.IO, settings(io_concurrency=documents, batch_documents=batch)).processes == processes


@pytest.mark.parametrize(
    ("count", "a_gpu", "processes", "environment"),
    [
        (0, 0, 1, {"CUDA_VISIBLE_DEVICES": ""}),
        (0, 4, 1, {"CUDA_VISIBLE_DEVICES": ""}),
        (1, 0, 1, {DEVICES_VARIABLE: "0"}),
        (2, 4, 8, {DEVICES_VARIABLE: "0,1"}),
    ],
)
def test_a_gpu_worker_has_processes_for_each_gpu(
    settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch, count: int, a_gpu: int, processes: int, environment: dict[str, str]
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    worker = lane_worker(LaneName.GPU, settings(gpu_count=count, gpu_concurrency=a_gpu))
    assert (worker.processes, worker.environment) == (processes, environment)


def test_gpus_are_given_round_robin() -> None:
    assert [device_of(number, ["0", "1", "GPU-5"]) for number in range(7)] == ["0", "1", "GPU-5", "0", "1", "GPU-5", "0"]


@pytest.mark.parametrize(("visible", "found"), [("", []), ("-1", []), ("1,3", ["1", "3"]), ("GPU-a, GPU-b,GPU-c", ["GPU-a", "GPU-b"])])
def test_gpus_that_are_hidden_stay_hidden(
    settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch, visible: str, found: list[str]
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert devices(settings(gpu_count=2)) == found


@pytest.mark.parametrize(
    ("script", "count"),
    [("echo 'GPU 0: A (UUID: x)'\necho 'GPU 1: A (UUID: y)'\necho '  MIG 1g'", 2), ("echo 'No devices were found'", 0), ("exit 9", 0)],
)
def test_gpus_are_counted(
    settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str, count: int
) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert len(devices(settings())) == count


def test_images_and_accounts_of_lanes() -> None:
    digest = f"ghcr.io/acme/docpipe@sha256:{'0' * 64}"
    assert lane_images(f"cpu=docpipe/cpu:1.2, gpu = {digest},") == {LaneName.CPU: "docpipe/cpu:1.2", LaneName.GPU: digest}
    assert lane_accounts("io=docpipe-io") == {LaneName.IO: "docpipe-io"}
    assert lane_images("") == lane_accounts("") == {}


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("lane_images", "cpu", "the lane cpu needs the name of an image"),
        ("lane_images", "cpu=two words", "the lane cpu needs the name of an image"),
        ("lane_images", "tpu=a/b", "no lane has the name 'tpu'"),
        ("lane_images", "cpu=a,cpu=b", "the lane cpu stands there twice"),
        ("lane_accounts", "gpu=Docpipe", "the lane gpu needs the name of a service account"),
        ("lane_accounts", "gpu=-a", "the lane gpu needs the name of a service account"),
        ("lane_accounts", "gpu=", "the lane gpu needs the name of a service account"),
    ],
)
def test_names_that_kubernetes_would_refuse_are_told(settings: Callable[..., Settings], name: str, text: str, why: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"DOCPIPE_{name.upper()}: {why}"):
        settings(**{name: text})
