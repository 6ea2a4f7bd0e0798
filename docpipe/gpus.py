"""The GPUs of this machine, and which of them a process gets."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
from collections.abc import Sequence

from docpipe.settings import Settings

DEVICES_VARIABLE = "DOCPIPE_WORKER_DEVICES"
"""Tells the processes of a worker which GPUs they share, separated by commas."""

_SECONDS = 30.0

log = logging.getLogger(__name__)


def devices(settings: Settings) -> list[str]:
    """The GPUs by the names that CUDA takes: those that `CUDA_VISIBLE_DEVICES` leaves, at most `gpu_count` of them.

    Asks `nvidia-smi`, since torch could not say without making itself at home on the first of them.
    """
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        found = [name.strip() for name in visible.split(",") if name.strip() not in ("", "-1")]
        return found[: settings.gpu_count]
    count = _listed() if settings.gpu_count is None else settings.gpu_count
    return [str(number) for number in range(count)]


def device_of(process: int, devices: Sequence[str]) -> str:
    """Round-robin: the first process gets the first GPU, and when all have one, it begins anew."""
    return devices[process % len(devices)]


def _listed() -> int:
    program = shutil.which("nvidia-smi")
    if program is None:
        return 0
    try:
        answer = subprocess.run([program, "--list-gpus"], capture_output=True, check=True, timeout=_SECONDS)  # noqa: S603 - no shell, no input
    except (OSError, subprocess.SubprocessError) as error:
        log.warning("nvidia-smi does not answer, so no GPU is used; look at the driver, or say how many there are in GPU_COUNT: %s", error)
        return 0
    return sum(line.startswith(b"GPU ") for line in answer.stdout.splitlines())
