"""The OpenVINO graph of a model: made once a machine, kept under its hash, and checked before every use."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

from docpipe.embed.model import EmbeddingModel, ensure_unchanged
from docpipe.errors import ModelMissing

GRAPH_VERSION = "2"
"""Raised whenever `docpipe.embed.local.conversion` makes another graph of the same weights."""
GRAPH_FILE = "model.xml"
_FILES = (GRAPH_FILE, "model.bin")
_DIGEST_FILE = "sha256"
_SCRATCH = ".converting-"
_CONVERSION_SECONDS = 900.0


def graph_folder(model: EmbeddingModel, models: Path) -> Path:
    """Where the graph of this network lies for the installed OpenVINO; one for all dimensions and prompts."""
    return models / f"{model.files_sha256}-{model.pooling}-{version('openvino')}-{GRAPH_VERSION}"


def ensure_graph(model: EmbeddingModel, models: Path) -> Path:
    """Return the graph's file, made first where it is missing (about 10 s for MiniLM).

    Raises `ModelMissing` where it cannot be made, written or trusted.
    """
    folder = graph_folder(model, models)
    if not folder.exists():
        try:
            _make_graph(model, folder)
        except OSError as error:
            raise ModelMissing(f"the converted model cannot be written to {folder} ({error.strerror}): free space, or allow it") from error
    try:
        intact = (folder / _DIGEST_FILE).read_text() == _digest(folder)
    except (OSError, ValueError):
        intact = False
    if not intact:
        raise ModelMissing(f"the converted model is damaged: delete {folder}, it will be made again")
    return folder / GRAPH_FILE


def _make_graph(model: EmbeddingModel, folder: Path) -> None:
    """Convert into a folder of our own, then rename it: of two processes that convert at once, the first one's stays."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(folder.parent)
    with tempfile.TemporaryDirectory(prefix=_SCRATCH, dir=folder.parent) as scratch:
        target = Path(scratch) / "graph"
        target.mkdir()
        _convert(model, target)
        ensure_unchanged(model)
        (target / _DIGEST_FILE).write_text(_digest(target))
        for file in target.iterdir():
            with file.open("rb") as opened:
                os.fsync(opened.fileno())
        try:
            target.rename(folder)
        except OSError:
            if not (folder / GRAPH_FILE).exists():
                raise


def _remove_leftovers(models: Path) -> None:
    """Conversions that were killed leave a folder as large as the model."""
    for scratch in models.glob(f"{_SCRATCH}*"):
        with suppress(OSError):
            if time.time() - scratch.stat().st_mtime > 2 * _CONVERSION_SECONDS:
                shutil.rmtree(scratch)


def _digest(folder: Path) -> str:
    hasher = hashlib.sha256()
    for name in _FILES:
        with (folder / name).open("rb") as file:
            hasher.update(hashlib.file_digest(file, "sha256").digest())
    return hasher.hexdigest()


def _convert(model: EmbeddingModel, target: Path) -> None:
    command = [sys.executable, "-W", "ignore", "-m", "docpipe.embed.local.conversion", str(model.folder), model.pooling, str(target)]
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error", "TOKENIZERS_PARALLELISM": "false"}
    advice = "set DOCPIPE_EMBED_BACKEND=torch to do without the conversion"
    try:
        # The command is this interpreter and this package; the folder is the operator's own setting.
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=_CONVERSION_SECONDS, check=False)  # noqa: S603
    except subprocess.TimeoutExpired as error:
        raise ModelMissing(f"converting {model.name} took longer than {_CONVERSION_SECONDS:.0f} s: {advice}") from error
    if done.returncode != 0:
        free = shutil.disk_usage(target).free // 2**20
        reason = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        raise ModelMissing(f"{model.name} could not be converted for OpenVINO ({reason}; {free} MiB free on the disk): {advice}")
