"""Start Dagster on the embedded instance."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from docpipe.cli.dagster_process import prepare_instance
from docpipe.settings import load_settings


def up(
    port: Annotated[int, typer.Option(help="Of the UI.")] = 3000,
    host: Annotated[str, typer.Option(help="Address the UI listens on; it has no login, so open it with care.")] = "127.0.0.1",
) -> None:
    """Start the Dagster UI, its daemon and the sensor; run it in the project's folder."""
    environment = prepare_instance(load_settings(), Path.cwd())
    command = ["dagster", "dev", "--workspace", "workspace.yaml", "--host", host, "--port", str(port)]
    os.execvpe(command[0], command, environment)  # noqa: S606 -- no shell, and the command is ours
