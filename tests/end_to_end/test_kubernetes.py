"""Each run and each step a pod of its own, over an API server of our own and real Postgres, as the Helm chart has it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from docpipe.cli.dagster_process import with_scripts
from docpipe.consistency import check
from docpipe.lane import LaneName
from docpipe.models import DocumentStatus, StageName
from tests.deploy.chart import NAMESPACE, render, values
from tests.end_to_end.cluster import PROJECT, Cluster, cluster
from tests.end_to_end.home import TEXTS
from tests.environment import remaining_variables
from tests.index.http_server import QdrantServer
from tests.kube_server import KubeServer, Pod

pytestmark = [
    pytest.mark.timeout(900),
    # Of the index's stand-in, whose requests are answered in this process.
    pytest.mark.filterwarnings("ignore:Payload indexes have no effect:UserWarning"),
]

SECRETS = ("DOCPIPE_LEDGER", "DAGSTER_POSTGRES_URL")
OF_A_PROCESS = ("DOCPIPE_HOME", "DOCPIPE_MODELS", "DAGSTER_HOME", "DAGSTER_CURRENT_IMAGE", "DAGSTER_CONTAINER_CONTEXT")
"""What a pod has from its image or its Job, and not from the release's settings."""
RESOURCES = {LaneName.CPU: ("1", "3Gi"), LaneName.GPU: ("2", "8Gi"), LaneName.IO: ("250m", "1Gi")}
"""As the settings of this test give them, and as shipped for the lane they do not name."""
WORKERS = {LaneName.CPU: ("cpu", "worker"), LaneName.GPU: ("gpu", "worker"), LaneName.IO: ("cpu", "io")}
"""Of a lane's worker, image and service account, which the chart's settings give a step as well."""
TAG = values()["image"]["tag"]
GIVEN = (LaneName.CPU, LaneName.IO)
LANES = {
    StageName.PARSED_PAGES: LaneName.CPU,
    StageName.CHUNKS: LaneName.CPU,
    StageName.ENRICHED_CHUNKS: LaneName.CPU,
    StageName.EMBEDDINGS: LaneName.GPU,
    StageName.INDEXED_VECTORS: LaneName.IO,
}
DOCUMENTS = ("gate.txt", "words.txt")


@dataclass(frozen=True)
class Kubernetes:
    """A release in a namespace: its processes, and the server that starts its pods."""

    release: Cluster
    server: KubeServer

    @property
    def killed(self) -> dg.DagsterRun:
        return self.release.runs()[0]

    @property
    def whole(self) -> dg.DagsterRun:
        return self.release.runs()[1]


@pytest.fixture(scope="module")
def kubernetes(tmp_path_factory: pytest.TempPathFactory, postgres_url: str) -> Iterator[Kubernetes]:
    """One whose first run lost the pod of a step, and whose second one the cluster's answers for a while."""
    with installed(tmp_path_factory.mktemp("kubernetes"), postgres_url) as (release, server):
        release.put({name: TEXTS[name] for name in DOCUMENTS})
        release.start_daemon()
        release.wait_until(lambda: any(StageName.PARSED_PAGES in release.pids_of(run.run_id) for run in release.runs()))
        (parsing,) = server.pods_of(op=StageName.PARSED_PAGES)
        parsing.kill()
        release.wait_until(lambda: len(server.pods_of(op=StageName.PARSED_PAGES)) == 2)
        server.turn_away("refuse")
        release.wait_until(lambda: any(one.startswith("POST") for one in server.turned_away))
        server.turn_away("hang up")
        # One look of Dagster's at its runs, which is as often repeated.
        release.wait_until(lambda: sum("/dagster-run-" in one for one in server.turned_away) >= 4)
        server.turn_away("")
        release.wait_until(lambda: all_indexed(release))
        yield Kubernetes(release, server)


@contextmanager
def installed(folder: Path, postgres_url: str) -> Iterator[tuple[Cluster, KubeServer]]:
    """No process yet. A pod has what its Job names of the release's settings, and a scratch folder; nothing of this process."""
    for name in ("kube", "documents", "artifacts", "dagster_home"):
        (folder / name).mkdir()
    made = render()["ConfigMap", "docpipe-settings"]["data"]
    server, index = KubeServer(folder / "kube", NAMESPACE, with_scripts(remaining_variables()), PROJECT), QdrantServer()
    with server.running(), index.running():
        variables = {
            "DOCPIPE_EXECUTOR": "k8s",
            "DOCPIPE_BUCKET": (folder / "documents").as_uri(),
            "DOCPIPE_ARTIFACTS": (folder / "artifacts").as_uri(),
            "DOCPIPE_QDRANT_URL": index.url,
            **{name: made[name] for name in ("DOCPIPE_LANE_IMAGES", "DOCPIPE_LANE_ACCOUNTS")},
            "DOCPIPE_LANE_RESOURCES": ",".join(f"{lane}={'/'.join(RESOURCES[lane])}" for lane in GIVEN),
            "DAGSTER_K8S_PIPELINE_RUN_NAMESPACE": NAMESPACE,
            "DAGSTER_CURRENT_IMAGE": code_location()["image"]["repository"],
            "DAGSTER_CONTAINER_CONTEXT": json.dumps({"k8s": container_context()}),
            "KUBECONFIG": str(server.kubeconfig),
        }
        changes = {"run_launcher": launcher(folder / "dagster_home")}
        with cluster(folder, postgres_url, "redis://127.0.0.1:9", changes, **variables) as release:
            ours = {name: value for name, value in release.environment.items() if name.startswith(("DOCPIPE_", "DAGSTER_"))}
            server.config_maps = {
                "docpipe-settings": {name: value for name, value in ours.items() if name not in (*SECRETS, *OF_A_PROCESS)},
            }
            server.secrets = {
                "docpipe-secrets": {name: ours[name] for name in SECRETS},
                "docpipe-dagster-postgres": {"postgresql-password": ""},
            }
            yield release, server


def launcher(dagster_home: Path) -> dict[str, Any]:
    """That of the chart; the cluster is reached by a file, since what runs here is in no cluster."""
    ours = values()["dagster"]["runLauncher"]["config"]["customRunLauncher"]
    changed = {"load_incluster_config": False, "dagster_home": str(dagster_home)}
    return {"module": ours["module"], "class": ours["class"], "config": {**ours["config"], **changed}}


def code_location() -> dict[str, Any]:
    (found,) = values()["dagster"]["dagster-user-deployments"]["deployments"]
    return dict(found)


def container_context() -> dict[str, Any]:
    """What Dagster's chart has the code location add to its runs, and so to their steps."""
    ours = code_location()
    return {
        "image_pull_policy": ours["image"]["pullPolicy"],
        "env_config_maps": [one["name"] for one in ours["envConfigMaps"]],
        "env_secrets": [one["name"] for one in ours["envSecrets"]],
        "labels": ours["labels"],
        "resources": ours["resources"],
        "namespace": NAMESPACE,
        "service_account_name": values()["global"]["serviceAccountName"],
    }


def all_indexed(release: Cluster) -> bool:
    """And no run is under way any more."""
    done = release.pipeline.ledger.summary().documents == {DocumentStatus.INDEXED: len(DOCUMENTS)}
    return done and all(run.is_finished for run in release.runs())


def pod_of(kubernetes: Kubernetes, run: dg.DagsterRun, step: str) -> Pod:
    (pod,) = kubernetes.server.pods_of(run_id=run.run_id, op=step)
    return pod


def test_each_step_has_a_pod_with_what_its_lane_has(kubernetes: Kubernetes) -> None:
    run = kubernetes.whole
    started = kubernetes.release.pids_of(run.run_id)
    assert started.keys() > set(LANES)
    pods = {step: pod_of(kubernetes, run, step) for step in started}
    assert {step: pod.process.pid for step, pod in pods.items()} == started
    for stage, lane in LANES.items():
        cpu, memory = RESOURCES[lane]
        (container,) = pods[stage].spec["containers"]
        gpu = {"nvidia.com/gpu": "1"} if lane is LaneName.GPU else {}
        assert container["resources"] == {"requests": {"cpu": cpu, "memory": memory}, "limits": {"memory": memory, **gpu}}
        target, account = WORKERS[lane]
        assert (container["image"], pods[stage].spec["serviceAccountName"]) == (f"docpipe/{target}:{TAG}", f"docpipe-{account}")
        tolerations = [{"key": "docpipe/lane", "operator": "Equal", "value": lane, "effect": "NoSchedule"}]
        assert pods[stage].spec["tolerations"] == tolerations + ([{"key": "nvidia.com/gpu", "operator": "Exists"}] if gpu else [])
        assert pods[stage].spec.get("nodeSelector", {}) == ({"docpipe/lane": lane} if gpu else {})
        assert pods[stage].spec["automountServiceAccountToken"] is False
        assert (pods[stage].labels["docpipe/part"], pods[stage].labels["docpipe/lane"]) == ("step", lane)


def test_nobody_is_root_in_a_pod_and_nobody_may_become_it(kubernetes: Kubernetes) -> None:
    for pod in kubernetes.server.pods:
        assert pod.spec["securityContext"]["runAsNonRoot"], pod.labels
        (container,) = pod.spec["containers"]
        assert container["securityContext"] == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
        assert pod.job["spec"]["ttlSecondsAfterFinished"] == 3600


def test_the_documents_of_a_killed_pod_wait_again(kubernetes: Kubernetes) -> None:
    """kill -9 in the middle of a step: its run fails, and the next one takes its documents."""
    parsing = pod_of(kubernetes, kubernetes.killed, StageName.PARSED_PAGES)
    assert parsing.exit_code == 137
    assert kubernetes.killed.status is dg.DagsterRunStatus.FAILURE
    assert f"Discovered failed Kubernetes job {parsing.job['metadata']['name']}" in failures(kubernetes, kubernetes.killed)
    assert not kubernetes.server.pods_of(run_id=kubernetes.killed.run_id, op=StageName.CHUNKS)


def test_a_run_outlives_an_api_that_is_away(kubernetes: Kubernetes) -> None:
    assert [run.status for run in kubernetes.release.runs()] == [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.SUCCESS]


def test_nothing_is_lost_and_no_pod_is_left(kubernetes: Kubernetes) -> None:
    assert kubernetes.server.refusals == []
    assert check(kubernetes.release.pipeline).inconsistencies == []
    assert {document.error for document in kubernetes.release.pipeline.ledger.all_documents()} == {None}
    kubernetes.release.wait_until(lambda: all(pod.exit_code is not None for pod in kubernetes.server.pods))


def failures(kubernetes: Kubernetes, run: dg.DagsterRun) -> str:
    entries = kubernetes.release.instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
    return "\n".join(str(entry.get_dagster_event().step_failure_data.error) for entry in entries)
