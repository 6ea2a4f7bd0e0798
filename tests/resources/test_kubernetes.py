"""What is asked of a cluster about runs and steps, over an API server of our own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.launcher import WorkerStatus

from docpipe.cli.dagster_process import with_scripts
from docpipe.errors import ConfigurationError
from docpipe.settings import Settings
from resources import pod_executor as pods
from resources.pipeline import _pipeline
from resources.pod_executor import pod_executor
from tests.environment import remaining_variables
from tests.kube_server import KubeServer

PROJECT = Path(__file__).parents[2]


@dg.op
def sleep() -> None:
    """Goes on for as long as it is let."""
    time.sleep(600)


@dg.job(executor_def=pod_executor)
def sleeping() -> None:
    sleep()


@dataclass(frozen=True)
class Namespace:
    """An instance whose runs and steps are pods of the server."""

    instance: dg.DagsterInstance
    server: KubeServer


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Callable[..., Settings]) -> Iterator[Path]:
    """For the heartbeat of runs in this process."""
    settings()
    monkeypatch.setenv("DOCPIPE_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    _pipeline.cache_clear()
    yield tmp_path
    _pipeline().ledger.close()
    _pipeline.cache_clear()


@pytest.fixture
def namespace(home: Path) -> Iterator[Namespace]:
    for name in ("kube", "dagster"):
        (home / name).mkdir()
    with KubeServer(home / "kube", "documents", with_scripts(remaining_variables()), PROJECT).running() as server:
        config = {
            "load_incluster_config": False,
            "kubeconfig_file": str(server.kubeconfig),
            "job_namespace": "documents",
            "job_image": "docpipe",
            "service_account_name": "dagster",
            "instance_config_map": "dagster-instance",
            "dagster_home": str(home / "dagster"),
        }
        launcher = {"module": "resources.pod_launcher", "class": "PodLauncher", "config": config}
        with dg.DagsterInstance.local_temp(str(home / "dagster"), overrides={"run_launcher": launcher}) as instance:
            yield Namespace(instance, server)


@pytest.mark.parametrize(
    ("end", "status"),
    [
        (dg.DagsterInstance.report_run_failed, dg.DagsterRunStatus.FAILURE),
        (dg.DagsterInstance.report_run_canceled, dg.DagsterRunStatus.CANCELED),
    ],
    ids=["failed", "cancelled"],
)
def test_a_run_that_was_ended_from_outside_ends_with_its_pods(
    namespace: Namespace, monkeypatch: pytest.MonkeyPatch, end: Callable[..., object], status: dg.DagsterRunStatus
) -> None:
    monkeypatch.setattr(pods, "LOOK_SECONDS", 1)

    def end_it() -> None:
        while not has_started(namespace.instance):
            time.sleep(0.05)
        end(namespace.instance, namespace.instance.get_runs()[0])

    ending = threading.Thread(target=end_it, daemon=True)
    ending.start()
    with dg.execute_job(dg.reconstructable(sleeping), namespace.instance) as result:
        assert not result.success
    ending.join(60)
    (run,) = namespace.instance.get_runs()
    assert run.status is status
    (pod,) = namespace.server.pods
    # Or never: the step would sleep on.
    pod.process.wait(60)


def has_started(instance: dg.DagsterInstance) -> bool:
    return any(instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_START) for run in instance.get_runs())


def test_a_run_is_not_dead_because_nobody_answers(namespace: Namespace) -> None:
    launcher = namespace.instance.run_launcher
    run = namespace.instance.create_run_for_job(sleeping, status=dg.DagsterRunStatus.STARTED)
    assert launcher.check_run_worker_health(run).status is WorkerStatus.UNKNOWN
    namespace.server.turn_away("hang up")
    assert launcher.check_run_worker_health(run).status is WorkerStatus.RUNNING
    assert namespace.server.turned_away


def test_steps_are_no_pods_where_runs_are_none(home: Path) -> None:
    with dg.DagsterInstance.local_temp(str(home)) as instance, pytest.raises(ConfigurationError, match="DefaultRunLauncher"):
        dg.execute_job(dg.reconstructable(sleeping), instance, raise_on_error=True)
