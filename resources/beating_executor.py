"""Any executor, with a sign of life of the run for as long as its process lives."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg
from dagster._core.execution.context.system import PlanOrchestrationContext
from dagster._core.execution.plan.plan import ExecutionPlan
from dagster._core.execution.retries import RetryMode

from docpipe.heartbeat import Heartbeat
from resources.pipeline import PipelineResource


class BeatingExecutor(dg.Executor):
    """Also between two stages, and while a step waits for a machine, when no stage is there to give one."""

    def __init__(self, executor: dg.Executor) -> None:
        self._executor = executor

    @property
    def retries(self) -> RetryMode:
        return self._executor.retries

    def execute(self, plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan) -> Iterator[dg.DagsterEvent]:
        with Heartbeat(PipelineResource().open().ledger, plan_context.dagster_run.run_id):
            yield from self._executor.execute(plan_context, execution_plan)


def with_heartbeat(definition: dg.ExecutorDefinition) -> dg.ExecutorDefinition:
    """The same executor, configured in the same way."""
    create = definition.executor_creation_fn
    assert create, f"the executor {definition.name} cannot be created"
    return dg.ExecutorDefinition(
        name=definition.name,
        config_schema=definition.config_schema,  # type: ignore[arg-type] # what it is given, and what it makes of that
        requirements=definition.get_requirements,
        executor_creation_fn=lambda context: BeatingExecutor(create(context)),
        description=definition.description,
    )
