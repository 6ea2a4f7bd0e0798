"""Where the steps of a run work, as the settings choose."""

from __future__ import annotations

import dagster as dg

from docpipe.errors import ConfigurationError
from docpipe.settings import Settings
from resources.beating_executor import with_heartbeat


def executor_for(settings: Settings) -> dg.ExecutorDefinition:
    """The executor of all jobs; what it needs is imported only where it is chosen."""
    match settings.executor:
        case "in_process":
            return with_heartbeat(dg.in_process_executor)
        case "celery":
            try:
                from resources.lane_executor import lane_executor
            except ModuleNotFoundError as error:
                raise _missing(error, "lanes") from error
            return lane_executor
        case "k8s":
            try:
                from resources.pod_executor import pod_executor
            except ModuleNotFoundError as error:
                raise _missing(error, "k8s") from error
            return pod_executor


def _missing(error: ModuleNotFoundError, extra: str) -> ConfigurationError:
    return ConfigurationError(f"the executor that DOCPIPE_EXECUTOR names needs {error.name}: pip install 'docpipe[{extra}]'")
