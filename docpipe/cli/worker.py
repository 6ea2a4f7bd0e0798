"""Start the worker of a lane."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from docpipe.cli.dagster_process import DAGSTER_ENVIRONMENT, POOLS_COMMAND, with_scripts
from docpipe.errors import ConfigurationError
from docpipe.lane import LaneName
from docpipe.lane_worker import lane_worker
from docpipe.settings import Settings, load_settings


def worker(lane: Annotated[LaneName, typer.Argument(help="Whose steps it works on.")]) -> None:
    """Work on the steps of a lane until stopped; SIGTERM ends it when the steps it has are done."""
    settings = load_settings()
    if settings.executor != "celery":
        raise ConfigurationError(f"DOCPIPE_EXECUTOR is {settings.executor}, so no step would come: set it to celery, here and for Dagster")
    if find_spec("dagster_celery") is None or find_spec("redis") is None:
        raise ConfigurationError("workers need celery: pip install 'docpipe[lanes]'")
    plan = lane_worker(lane, settings)
    environment = with_scripts({**os.environ, **DAGSTER_ENVIRONMENT, **plan.environment})
    environment.setdefault("DAGSTER_HOME", str(settings.home / "dagster"))
    command = [sys.executable, "-m", "celery", *celery_arguments(lane, plan.processes, settings)]
    os.execvpe(command[0], command, environment)  # noqa: S606 -- no shell, and the command is ours


def pools() -> None:
    """Set how many steps of each lane and of each paid provider work at a time, as DOCPIPE_POOLS has it; `docpipe up` does so too."""
    settings = load_settings()
    home = Path(os.environ.get("DAGSTER_HOME") or settings.home / "dagster").expanduser().resolve()
    if not (home / "dagster.yaml").is_file():
        # Dagster would make an empty instance there, or end with a traceback; nobody would ever read these limits.
        raise ConfigurationError(
            f"no dagster.yaml in {home}: set DAGSTER_HOME to the folder that has it, or run `docpipe up`, which makes one"
        )
    environment = with_scripts({**os.environ, "DAGSTER_HOME": str(home)})
    os.execvpe(POOLS_COMMAND[0], POOLS_COMMAND, environment)  # noqa: S606 -- no shell, and the command is ours


def celery_arguments(lane: LaneName, processes: int, settings: Settings) -> list[str]:
    """What celery is told; its other settings stand in `resources.step_queue`."""
    return [
        "--app=resources.worker_app",
        "worker",
        f"--queues={lane.value}",
        f"--hostname={lane.value}-{os.getpid()}@%h",
        "--pool=prefork",
        f"--concurrency={processes}",
        "--prefetch-multiplier=1",
        # Loaded once, before the processes are forked, and a broken installation shows at once.
        "--include=doc_assets.definitions,resources.worker_pulse",
        "--without-gossip",
        "--without-mingle",
        f"--loglevel={settings.log_level or 'info'}",
    ]
