"""The product on servers of its own, as on several machines: Dagster and ledger in Postgres, queues in Redis, a worker a lane."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import sqlalchemy
import yaml

from docpipe.cli.dagster_process import DAGSTER_ENVIRONMENT, POOLS_COMMAND, daemon, with_scripts
from docpipe.pipeline import Pipeline
from docpipe.settings import load_settings
from tests.environment import remaining_variables

PROJECT = Path(__file__).parents[2]
PATIENCE = 240.0
"""Seconds after which a condition counts as never met; a calm machine needs a tenth."""


@dataclass
class Cluster:
    """The processes of one installation, and the ledger and Dagster's storage, to look into."""

    folder: Path
    environment: dict[str, str]
    pipeline: Pipeline
    instance: dg.DagsterInstance
    stack: ExitStack
    watched: list[tuple[subprocess.Popen[bytes], Path]] = field(default_factory=list)

    def start_daemon(self) -> subprocess.Popen[bytes]:
        log = self.folder / "daemon.log"
        process = self.stack.enter_context(daemon(self.environment, PROJECT, log))
        self.watched.append((process, log))
        return process

    def start_worker(self, lane: str) -> subprocess.Popen[bytes]:
        """Start the worker of a lane; it is in a process group of its own."""
        process, log = start(["docpipe", "worker", lane], self.environment, self.folder / f"{lane}.log")
        self.stack.callback(kill, process)
        self.watched.append((process, log))
        return process

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """kill -9 of a process and all of its children; from now on nobody minds that it is gone."""
        kill(process)
        self.watched = [(one, log) for one, log in self.watched if one is not process]

    def put(self, documents: dict[str, str]) -> None:
        for name, text in documents.items():
            self.pipeline.bucket.write(name, text.encode())

    def wait_until(self, condition: Callable[[], bool], seconds: float = PATIENCE) -> float:
        """Wait; returns how long it took. Fails with the end of a log when a process ended, and with all logs in the end."""
        began = time.monotonic()
        while not condition():
            for process, log in self.watched:
                assert process.poll() is None, log.read_text()[-4000:]
            assert time.monotonic() - began < seconds, "\n".join(log.read_text()[-3000:] for _, log in self.watched)
            time.sleep(0.05)
        return time.monotonic() - began

    def runs(self) -> list[dg.DagsterRun]:
        """Of batches, oldest first."""
        return list(self.instance.get_runs(dg.RunsFilter(job_name="index_documents"), ascending=True))

    def workers_of(self, run_id: str) -> dict[str, list[str]]:
        """By step: the workers that began it, by the names that celery gave them."""
        found: dict[str, list[str]] = {}
        for entry in self.instance.all_logs(run_id, of_type=dg.DagsterEventType.ENGINE_EVENT):
            event = entry.get_dagster_event()
            metadata = event.engine_event_data.metadata
            if "Celery worker" in metadata and event.step_key:
                found.setdefault(event.step_key, []).append(str(metadata["Celery worker"].value))
        return found

    def pids_of(self, run_id: str) -> dict[str, int]:
        """By step: the process that began it last."""
        entries = self.instance.all_logs(run_id, of_type=dg.DagsterEventType.STEP_START)
        events = [entry.get_dagster_event() for entry in entries]
        return {event.step_key: event.pid for event in events if event.step_key and event.pid}

    def messages_of(self, run_id: str) -> str:
        return "\n".join(entry.user_message for entry in self.instance.all_logs(run_id))


@contextmanager
def cluster(
    folder: Path, postgres_url: str, redis_url: str, instance_changes: Mapping[str, Any] | None = None, /, **variables: str
) -> Iterator[Cluster]:
    """Databases, instance and settings; no process yet."""
    name = f"lanes_{os.getpid()}_{abs(hash(folder)) % 10_000}"
    administration = sqlalchemy.create_engine(postgres_url, isolation_level="AUTOCOMMIT")
    with administration.connect() as connection:
        for database in (f"{name}_dagster", f"{name}_ledger"):
            connection.execute(sqlalchemy.text(f"CREATE DATABASE {database}"))
    administration.dispose()
    server = postgres_url.rpartition("/")[0]
    home = folder / "home"
    (home / "dagster").mkdir(parents=True)
    template = yaml.safe_load((PROJECT / "docker" / "dagster.yaml").read_text())
    template.pop("compute_logs")
    template["run_coordinator"]["config"]["dequeue_interval_seconds"] = 1
    template["run_monitoring"]["poll_interval_seconds"] = 5
    template |= instance_changes or {}
    (home / "dagster" / "dagster.yaml").write_text(yaml.safe_dump(template))
    environment = with_scripts(
        {
            **remaining_variables(),
            **DAGSTER_ENVIRONMENT,
            "DAGSTER_HOME": str(home / "dagster"),
            "DAGSTER_POSTGRES_URL": f"{server}/{name}_dagster",
            "DOCPIPE_HOME": str(home),
            "DOCPIPE_LEDGER": f"{server}/{name}_ledger",
            "DOCPIPE_EXECUTOR": "celery",
            "DOCPIPE_OCR": "false",
            "DOCPIPE_SENSOR_SECONDS": "2",
            "REDIS_URL": redis_url,
            **variables,
        }
    )
    subprocess.run(POOLS_COMMAND, env=environment, cwd=PROJECT, check=True, stdout=subprocess.DEVNULL)
    saved = dict(os.environ)
    os.environ.update(environment)
    try:
        with dg.DagsterInstance.from_config(str(home / "dagster")) as instance, ExitStack() as stack:
            pipeline = Pipeline(load_settings(_env_file=None))
            stack.callback(lambda: pipeline.ledger.close())
            yield Cluster(folder, environment, pipeline, instance, stack)
    finally:
        os.environ.clear()
        os.environ.update(saved)


def start(command: list[str], environment: dict[str, str], log: Path) -> tuple[subprocess.Popen[bytes], Path]:
    """Start a program of this installation in a process group of its own."""
    program = Path(sys.executable).parent / command[0]
    with log.open("ab") as output:
        process = subprocess.Popen(
            [str(program), *command[1:]], cwd=PROJECT, env=environment, stdout=output, stderr=output, start_new_session=True
        )
    return process, log


def kill(process: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    process.wait()
