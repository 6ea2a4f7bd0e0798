from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

from docpipe.cores import paid_cores, usable_cores
from tests.environment import remaining_variables


def group(root: Path, name: str, limit: str) -> None:
    (root / name).mkdir(parents=True, exist_ok=True)
    (root / name / "cpu.max").write_text(limit)


def test_the_smallest_limit_above_counts(tmp_path: Path) -> None:
    group(tmp_path, "", "max 100000\n")
    group(tmp_path, "pods", "150000 100000\n")
    group(tmp_path, "pods/one", "400000 100000\n")
    assert paid_cores(tmp_path, "/pods/one") == 1.5
    assert paid_cores(tmp_path, "/") == math.inf


@pytest.mark.parametrize("limit", ["", "max 100000", "much", "100000 0", "1 2 3"])
def test_what_is_no_limit_limits_nothing(tmp_path: Path, limit: str) -> None:
    group(tmp_path, "", limit)
    assert paid_cores(tmp_path, "") == math.inf


@pytest.mark.parametrize(("quota", "cores"), [("50000", 0.5), ("-1", math.inf)])
def test_the_older_files_are_read_too(tmp_path: Path, quota: str, cores: float) -> None:
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text(quota)
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000")
    assert paid_cores(tmp_path, "") == cores


def test_a_group_that_is_not_there_limits_nothing(tmp_path: Path) -> None:
    assert paid_cores(tmp_path, "/../of/another/namespace") == math.inf


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="only Linux tells where a process may run")
def test_a_process_bound_to_one_core_uses_one() -> None:
    bound = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})"
    program = f"""
{bound}
from docpipe.lane import LaneName
from docpipe.lane_worker import lane_worker
from docpipe.settings import load_settings
settings = load_settings(_env_file=None)
print(settings.workers, settings.render_workers, lane_worker(LaneName.CPU, settings).environment)
"""
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=remaining_variables()).stdout
    assert found == "1 1 {'OMP_NUM_THREADS': '1', 'DOCPIPE_WORKERS': '1'}\n"
    assert 1 <= usable_cores() <= (os.cpu_count() or 1)
