"""A worker's task: which steps it begins, and which it leaves alone."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import celery
import dagster as dg
import pytest
from celery.exceptions import Ignore
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.execution.retries import RetryMode
from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin
from dagster._grpc.types import ExecuteStepArgs
from dagster._serdes import pack_value
from kombu.transport import TRANSPORT_ALIASES

from docpipe.heartbeat import step_lease_name
from tests import servers
from tests.installation import Installation

STEP = "step-1"
EVENTS = ["event"]

pytestmark = pytest.mark.filterwarnings("ignore:Call to deprecated setex:DeprecationWarning")  # celery's, of redis-py


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    with servers.redis() as url:
        yield url


@pytest.fixture
def task(durable_installation: Installation, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> celery.Task:
    """The task as a worker has it, whose steps do nothing."""
    monkeypatch.setenv("REDIS_URL", redis_url)
    for scheme in ("redis", "rediss"):
        # The worker's transport is for its process alone.
        monkeypatch.setitem(TRANSPORT_ALIASES, scheme, TRANSPORT_ALIASES[scheme])
    monkeypatch.delitem(sys.modules, "resources.worker_app", raising=False)
    from resources import worker_app

    made = worker_app.execute_step
    monkeypatch.setattr(made, "run", lambda **_: EVENTS)
    made.push_request(id=STEP)
    made.backend.forget(STEP)
    return made


@pytest.fixture
def work(durable_installation: Installation, task: celery.Task) -> Callable[[dg.DagsterRunStatus], Any]:
    """Hand the task the step of a run with a status."""
    instance = durable_installation.instance

    def begin(status: dg.DagsterRunStatus) -> Any:
        run = instance.add_run(dg.DagsterRun(job_name="index_documents", status=status))
        repository = RepositoryPythonOrigin(sys.executable, ModuleCodePointer("doc_assets.definitions", "defs"))
        step = ExecuteStepArgs(
            job_origin=JobPythonOrigin("index_documents", repository),
            run_id=run.run_id,
            step_keys_to_execute=["chunks"],
            instance_ref=instance.get_ref(),
            retry_mode=RetryMode.DISABLED,
        )
        return task(execute_step_args_packed=pack_value(step))

    return begin


def test_a_step_is_worked_on_and_its_lease_given_back(durable_installation: Installation, work: Callable[..., Any]) -> None:
    assert work(dg.DagsterRunStatus.STARTED) == EVENTS
    assert not durable_installation.pipeline.ledger.is_held(step_lease_name(STEP))


def test_a_step_that_another_worker_has_is_left_to_it(durable_installation: Installation, work: Callable[..., Any]) -> None:
    ledger = durable_installation.pipeline.ledger
    assert ledger.acquire(step_lease_name(STEP), "another", 60)
    with pytest.raises(Ignore):
        work(dg.DagsterRunStatus.STARTED)
    assert ledger.is_held(step_lease_name(STEP))


def test_a_step_that_was_sent_twice_is_not_begun_when_it_is_done(
    durable_installation: Installation, task: celery.Task, work: Callable[..., Any]
) -> None:
    task.backend.store_result(STEP, EVENTS, "SUCCESS")
    with pytest.raises(Ignore):
        work(dg.DagsterRunStatus.STARTED)
    assert not durable_installation.pipeline.ledger.is_held(step_lease_name(STEP))
    # Its run sends it again only after it has let the result go.
    task.backend.forget(STEP)
    assert work(dg.DagsterRunStatus.STARTED) == EVENTS


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.CANCELED, dg.DagsterRunStatus.FAILURE])
def test_a_step_of_a_run_that_is_over_is_not_begun(work: Callable[..., Any], status: dg.DagsterRunStatus) -> None:
    with pytest.raises(Ignore):
        work(status)
