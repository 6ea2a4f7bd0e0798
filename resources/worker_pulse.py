"""A worker's sign of life, for the probe of its container: a file that is touched for as long as worker and queue talk.

Asking the worker itself would cost the imports of a whole Python each time, and every other worker would have to answer too.
"""

from __future__ import annotations

from pathlib import Path

from celery.signals import heartbeat_sent, worker_ready, worker_shutdown

from docpipe.settings import load_settings

PULSE = "worker.pulse"
"""In the home; docker/Dockerfile and the Helm chart look how old it is."""


def pulse_file() -> Path:
    return load_settings().home / PULSE


def send_pulses() -> None:
    """Every two seconds, from the process that leads the others, whatever steps these are working on."""
    for signal in (worker_ready, heartbeat_sent):
        signal.connect(_beat)
    worker_shutdown.connect(_fall_silent)


def _beat(**_: object) -> None:
    file = pulse_file()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()


def _fall_silent(**_: object) -> None:
    pulse_file().unlink(missing_ok=True)
