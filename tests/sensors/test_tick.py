"""Nobody holds a sensor's lease for longer than Dagster waits for a tick."""

from __future__ import annotations

import re
from pathlib import Path

from docpipe.cli.dagster_process import DAGSTER_ENVIRONMENT
from sensors.tick import TICK_SECONDS

PROJECT = Path(__file__).resolve().parents[2]


def test_every_way_to_start_dagster_waits_as_long() -> None:
    name = "DAGSTER_SENSOR_GRPC_TIMEOUT_SECONDS"
    said = [DAGSTER_ENVIRONMENT[name]]
    for file in ("docker/Dockerfile", "deploy/helm/docpipe/templates/settings.yaml"):
        said += re.findall(rf"{name}[=:] *\"?(\d+)", (PROJECT / file).read_text())
    assert {float(seconds) for seconds in said} == {TICK_SECONDS}
    assert len(said) == 3
