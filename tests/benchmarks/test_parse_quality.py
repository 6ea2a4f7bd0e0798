"""The whole comparison in a process of its own: it hides torch and takes the models' threads."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from benchmarks.result import PROJECT


@pytest.mark.timeout(600)
def test_a_quick_run_compares_readers_on_every_kind_of_file() -> None:
    command = [sys.executable, "-m", "benchmarks.parse_quality", "--quick", "--readers", "router", "text"]
    run = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False, env=os.environ | {"COLUMNS": "200"})
    assert run.returncode == 0, run.stderr[-2_000:]
    rows = {cells[0]: cells[1:] for line in run.stdout.splitlines() if len(cells := [cell.strip() for cell in line.split("│")[1:-1]]) > 3}
    router, plain = rows["our router"], rows["PyMuPDF text"]
    assert router[-1] == "0"
    assert float(router[0]) > float(plain[0]) + 0.2
    assert float(router[4]) > 0.7, "TEDS of the tables"
    assert {"prose", "paper", "tables", "form", "right to left", "scan", "garbage text"} <= set(rows)
