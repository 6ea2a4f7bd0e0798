"""Commands that become another program: the limits of the pools, and what a worker needs before it can be one."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import dagster as dg
import pytest

from tests.environment import remaining_variables

PROGRAM = Path(sys.executable).parent / "docpipe"


def docpipe(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment: Mapping[str, str] = {**remaining_variables(), "COLUMNS": "400", "DOCPIPE_HOME": str(folder / "home"), **variables}
    return subprocess.run([PROGRAM, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("variables", [{}, {"DAGSTER_HOME": "nowhere"}], ids=["of the home", "of the environment"])
def test_pools_of_an_instance_that_is_not_there_are_not_set(tmp_path: Path, variables: dict[str, str]) -> None:
    made = docpipe(tmp_path, "pools", **variables)
    assert made.returncode == 2
    assert "set DAGSTER_HOME" in made.stderr
    assert "Traceback" not in made.stderr
    assert not (tmp_path / "nowhere").exists()


def test_pools_are_set_on_the_instance_and_told(tmp_path: Path) -> None:
    (tmp_path / "instance").mkdir()
    (tmp_path / "instance" / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    # Dagster itself takes no relative folder.
    made = docpipe(tmp_path, "pools", DAGSTER_HOME="instance", DOCPIPE_POOLS="cpu=3,openai=1")
    assert made.returncode == 0, made.stderr
    assert made.stdout.splitlines() == ["cpu: 3", "gpu: no limit", "io: no limit", "openai: 1", "vision: no limit"]
    with dg.DagsterInstance.from_config(str(tmp_path / "instance")) as instance:
        assert {pool.name: pool.limit for pool in instance.event_log_storage.get_pool_limits()} == {"cpu": 3, "openai": 1}


def test_a_worker_to_whom_no_step_would_come_is_not_started(tmp_path: Path) -> None:
    made = docpipe(tmp_path, "worker", "cpu")
    assert made.returncode == 2
    assert "set it to celery" in made.stderr
