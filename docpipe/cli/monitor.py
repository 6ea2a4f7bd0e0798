"""Serve metrics and health."""

from __future__ import annotations

import signal
import socket
from typing import Annotated

import typer

from docpipe.errors import ConfigurationError
from docpipe.logs import set_up_logs
from docpipe.pipeline import Pipeline
from docpipe.settings import load_settings

STOP_SECONDS = 5
"""Requests under way get so long to end when the server is told to stop."""


def monitor(
    host: Annotated[str, typer.Option(help="Address to listen on; there is no login, so open it with care.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65_535, help="Prometheus scrapes /metrics there.")] = 9464,
) -> None:
    """Serve /metrics for Prometheus and /health/live, /health/ready and /health/detail until told to stop."""
    import uvicorn

    from docpipe.monitor.app import Monitor

    settings = load_settings()
    set_up_logs(settings)
    # Bound here, so that a port in use is an error like any other.
    with _listening(host, port) as listening:
        app = Monitor(Pipeline(settings)).app
        config = uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=STOP_SECONDS)
        # The server repeats the signal that ended it, for whoever had a handler: without this one it would end the process as killed.
        signal.signal(signal.SIGTERM, lambda _number, _frame: None)
        typer.echo(f"metrics at http://{host}:{port}/metrics, health at http://{host}:{port}/health/detail", err=True)
        uvicorn.Server(config).run(sockets=[listening])


def _listening(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise ConfigurationError(f"nothing can listen on {host}:{port} ({error.strerror}): choose another --host or --port") from error
