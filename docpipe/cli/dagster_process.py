"""Dagster's processes on the embedded instance, started and stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import yaml

from docpipe.bucket import open_bucket
from docpipe.errors import ConfigurationError
from docpipe.ledger import Ledger
from docpipe.settings import Settings

STOP_SECONDS = 20.0

DAGSTER_ENVIRONMENT = {
    # A tick stops by itself after `tick_seconds`; Dagster's default of 60 s leaves little for the last object of a tick.
    "DAGSTER_SENSOR_GRPC_TIMEOUT_SECONDS": "180",
    # Together they cut what Dagster spends on the events of a document and asset from 86 to 4 ms; resources/sqlite_storage.py takes
    # most of the rest: see docs/architecture.md.
    "DAGSTER_EVENT_BATCH_SIZE": "500",
    "DAGSTER_EMIT_PARTITION_SUBSET_IN_PLANNED_EVENTS": "true",
}

_STORAGES = {"storage", "run_storage", "event_log_storage", "schedule_storage"}
"""Keys of `dagster.yaml`."""
STORAGE = {"module": "resources.sqlite_storage", "class": "BatchedSqliteStorage"}

POOLS_COMMAND = [sys.executable, "-m", "resources.pool_limits"]
"""Makes Dagster's storage where there is none, and sets the limits of the pools in it."""


def prepare_instance(settings: Settings, project: Path) -> Mapping[str, str]:
    """Make the folders, the ledger and Dagster's storage; returns the environment for Dagster's processes.

    Dagster's storage is made here by one process, since two that start on an empty one get in each other's way.
    """
    template = project / "dagster.yaml"
    if not template.is_file():
        raise ConfigurationError(f"no dagster.yaml in {project}: run this in the project's folder")
    home = settings.home / "dagster"
    home.mkdir(parents=True, exist_ok=True)
    (home / "dagster.yaml").write_text(_with_storage(template.read_text(encoding="utf-8"), home.resolve()), encoding="utf-8")
    open_bucket(settings.bucket_url, settings)
    Ledger.open(settings.ledger_url).close()
    environment = with_scripts({**os.environ, **DAGSTER_ENVIRONMENT, "DAGSTER_HOME": str(home), "DOCPIPE_HOME": str(settings.home)})
    subprocess.run(POOLS_COMMAND, env=environment, cwd=project, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - our own module
    return environment


def _with_storage(text: str, home: Path) -> str:
    """The instance's configuration with our storage, unless it has one; added here, since a path cannot be relative there."""
    if _STORAGES & set(yaml.safe_load(text) or ()):
        return text
    return f"{text}\n{yaml.safe_dump({'storage': {'custom': {**STORAGE, 'config': {'base_dir': str(home)}}}})}"


def with_scripts(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment with this installation's programs first."""
    return {**environment, "PATH": os.pathsep.join([str(Path(sys.executable).parent), environment.get("PATH", "")])}


@contextmanager
def daemon(environment: Mapping[str, str], project: Path, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Dagster's daemon with the code location, in a process group of its own so that all of it ends together."""
    with log.open("ab") as output:
        command = ["dagster-daemon", "run", "--workspace", "workspace.yaml"]
        process = subprocess.Popen(command, cwd=project, env=environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)  # noqa: S603
        try:
            yield process
        finally:
            _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGINT, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            return
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            continue
