"""Runs whose steps go to the workers of the lanes, over the queues in Redis."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import celery
import dagster as dg
from celery.result import AsyncResult
from celery.states import READY_STATES
from dagster._core.execution.context.system import PlanOrchestrationContext
from dagster._core.execution.plan.plan import ExecutionPlan
from dagster._core.execution.plan.state import KnownExecutionState
from dagster._core.execution.plan.step import ExecutionStep
from dagster._core.execution.retries import RetryMode
from dagster._core.storage.tags import PRIORITY_TAG
from dagster._grpc.types import ExecuteStepArgs
from dagster._serdes import pack_value
from dagster_celery.core_execution_loop import core_celery_execution_loop
from dagster_celery.executor import CeleryExecutor
from dagster_celery.tasks import create_task

from docpipe.heartbeat import Heartbeat, step_lease_name
from docpipe.lane import LaneName
from docpipe.ledger import Ledger
from docpipe.settings import Settings
from resources.pipeline import PipelineResource
from resources.step_queue import is_queued, level, open_app
from resources.watched_step import WatchedStep


class LaneExecutor(CeleryExecutor):
    """dagster-celery's executor with steps that cannot be lost, and with a sign of life of the run while its steps wait in queues."""

    def __init__(self, settings: Settings) -> None:
        # Where steps go that name no lane: the checks of assets. The loop of dagster-celery has it from here.
        rest = {"task_default_queue": LaneName.IO.value}
        urls = {"broker": settings.broker_url, "backend": settings.results_url}
        super().__init__(retries=RetryMode.DISABLED, config_source=rest, **urls)  # type: ignore[no-untyped-call]

    def execute(self, plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan) -> Iterator[dg.DagsterEvent]:
        pipeline = PipelineResource().open()
        app = open_app(pipeline.settings)
        task = create_task(app)

        def submit(
            _: celery.Celery,
            context: PlanOrchestrationContext,
            step: ExecutionStep,
            queue: str,
            priority: int,  # noqa: ARG001 - meant for RabbitMQ
            known_state: KnownExecutionState,
        ) -> WatchedStep:
            send = _sender(task, context, step, queue, known_state)
            courier = QueuedStep(app, pipeline.ledger, queue, uuid.uuid4().hex, send)
            return WatchedStep(courier, pipeline.settings.lost_step_seconds, lambda why: context.log.warning(f"step {step.key}: {why}"))

        with Heartbeat(pipeline.ledger, plan_context.dagster_run.run_id):
            yield from core_celery_execution_loop(plan_context, execution_plan, step_execution_fn=submit)


@dataclass(frozen=True)
class QueuedStep:
    """One step's message and result in Redis, and its lease in the ledger; always under the same id, however often it is sent."""

    app: celery.Celery
    ledger: Ledger
    queue: str
    task_id: str
    publish: Callable[[str], object]

    def send(self) -> None:
        AsyncResult(self.task_id, app=self.app).forget()
        self.publish(self.task_id)

    def state(self) -> tuple[str, Any]:
        result = AsyncResult(self.task_id, app=self.app)
        state: str = result.state
        return state, result.result if state in READY_STATES else None

    def whereabouts(self) -> str:
        if self.ledger.is_held(step_lease_name(self.task_id)):
            return "worker"
        return "queue" if is_queued(self.app, self.queue, self.task_id) else ""


def _sender(
    task: celery.Task, context: PlanOrchestrationContext, step: ExecutionStep, queue: str, known_state: KnownExecutionState
) -> Callable[[str], object]:
    """As dagster-celery sends a step, with the priorities of Redis and an id that we choose."""
    arguments = ExecuteStepArgs(
        job_origin=context.reconstructable_job.get_python_origin(),
        run_id=context.dagster_run.run_id,
        step_keys_to_execute=[step.key],
        instance_ref=context.instance.get_ref(),
        retry_mode=context.executor.retries.for_inner_plan(),
        known_state=known_state,
        print_serialized_events=True,
    )
    signature = task.si(execute_step_args_packed=pack_value(arguments), executable_dict=context.reconstructable_job.to_dict())
    priority = context.dagster_run.tags.get(PRIORITY_TAG, "0")
    place = level(int(priority) if priority.removeprefix("-").isdecimal() else 0)
    return lambda task_id: signature.apply_async(task_id=task_id, queue=queue, priority=place, retry=False)


@dg.executor(name="lanes", requirements=dg.multiple_process_executor_requirements())
def lane_executor(context: dg.InitExecutorContext) -> LaneExecutor:  # noqa: ARG001 - configured by the environment
    """Every step goes to a worker of its lane: `docpipe worker cpu`, `gpu` or `io`."""
    return LaneExecutor(PipelineResource().open().settings)
