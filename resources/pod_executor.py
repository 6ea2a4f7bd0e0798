"""Runs whose steps are pods of Kubernetes, each in a Job of its own."""

from __future__ import annotations

import dagster as dg
from dagster._core.errors import DagsterExecutionInterruptedError
from dagster._core.execution.retries import RetryMode
from dagster._core.executor.step_delegating import CheckStepHealthResult, StepDelegatingExecutor, StepHandlerContext
from dagster_k8s.container_context import K8sContainerContext
from dagster_k8s.executor import K8sStepHandler
from dagster_k8s.launcher import K8sRunLauncher

from docpipe.errors import ConfigurationError
from resources.beating_executor import BeatingExecutor

LOOK_SECONDS = 10
"""Between two looks of a run at the pods of its steps: for so long at most it waits for one that is gone."""


class StepPods(K8sStepHandler):
    """Dagster's, and the end of a run that was ended from outside, as one that was out of time or believed to be dead.

    Its next pod begins no step and ends well, so that Dagster's would wait for that step for ever, and its pod in hand would work on
    documents that another run has by now.
    """

    def check_step_health(self, step_handler_context: StepHandlerContext) -> CheckStepHealthResult:
        """Asked of each step under way; raises `DagsterExecutionInterruptedError` when the run is over."""
        run = step_handler_context.instance.get_run_by_id(step_handler_context.dagster_run.run_id)
        if run is None or run.is_finished:
            list(self.terminate_step(step_handler_context))
            raise DagsterExecutionInterruptedError
        return super().check_step_health(step_handler_context)


@dg.executor(name="k8s", requirements=dg.multiple_process_executor_requirements())
def pod_executor(context: dg.InitExecutorContext) -> BeatingExecutor:
    """Every step is a pod with the resources of its lane, and otherwise as the run launcher makes the pods of runs."""
    launcher = context.instance.run_launcher
    if not isinstance(launcher, K8sRunLauncher):
        raise ConfigurationError(
            "DOCPIPE_EXECUTOR=k8s needs runs that are pods too: give Dagster's instance the run launcher of the Helm chart,"
            f" in place of {type(launcher).__name__}"
        )
    pods = StepPods(
        image=None,
        container_context=K8sContainerContext(),
        load_incluster_config=launcher.load_incluster_config,
        kubeconfig_file=launcher.kubeconfig_file,
    )
    steps = StepDelegatingExecutor(
        pods, retries=RetryMode.DISABLED, should_verify_step=True, check_step_health_interval_seconds=LOOK_SECONDS
    )
    return BeatingExecutor(steps)
