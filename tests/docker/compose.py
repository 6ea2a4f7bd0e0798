"""docker/compose.yaml as Compose reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

PROJECT = Path(__file__).resolve().parents[2]
FILE = PROJECT / "docker" / "compose.yaml"

OURS = {"prepare", "code", "webserver", "daemon", "worker-cpu", "worker-io", "worker-embed", "worker-gpu", "monitor"}
"""The services that run our images; the others are servers."""


def services() -> dict[str, dict[str, Any]]:
    return dict(yaml.safe_load(FILE.read_text())["services"])
