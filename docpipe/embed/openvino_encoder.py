"""The OpenVINO backend: the fastest on a CPU, and it needs no torch once the graph is there."""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from docpipe.embed.model import EmbeddingModel
from docpipe.embed.precision import cpu_precision
from docpipe.errors import ModelMissing, TransientError

GRAPH_VERSION = "1"
"""Raised whenever `docpipe.embed.conversion` makes another graph of the same weights."""
GRAPH_FILE = "model.xml"
_CONVERSION_SECONDS = 900.0


class OpenvinoEncoder:
    """Runs the graph of a model, in bf16 where the processor has it."""

    def __init__(self, model: EmbeddingModel, models: Path) -> None:
        """Load the graph from `models`, making it there first where it is missing (about 10 s, once a machine)."""
        folder = graph_folder(model, models)
        if not folder.exists():
            try:
                _make_graph(model, folder)
            except OSError as error:
                raise ModelMissing(
                    f"the converted model cannot be written to {folder} ({error.strerror}): free space, or allow it"
                ) from error
        self.precision = cpu_precision()
        hints = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": self.precision}
        try:
            compiled = load_openvino().Core().compile_model(folder / GRAPH_FILE, "CPU", hints)
        except RuntimeError as error:
            raise ModelMissing(f"the converted model cannot be loaded ({error}): delete {folder}, it will be made again") from error
        self._output = compiled.output(0)
        self._request = compiled.create_infer_request()

    def encode(self, ids: NDArray[np.int64], mask: NDArray[np.int64]) -> NDArray[np.float32]:
        try:
            outputs = self._request.infer({"input_ids": ids, "attention_mask": mask})
        except RuntimeError as error:
            raise TransientError(f"OpenVINO could not embed {ids.size} tokens ({error}): lower DOCPIPE_EMBED_BATCH_TOKENS") from error
        # The request's output buffer is overwritten by the next batch.
        return np.array(outputs[self._output], dtype=np.float32)


def load_openvino() -> ModuleType:
    """Import OpenVINO without its telemetry, which would report every import to its maker's analytics server."""
    if "openvino" not in sys.modules:
        # OpenVINO takes its own silent stand-in where this package cannot be imported.
        sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    return importlib.import_module("openvino")


def graph_folder(model: EmbeddingModel, models: Path) -> Path:
    """Where the graph of these weights lies for the installed OpenVINO."""
    return models / f"{model.sha256}-{model.pooling}-{version('openvino')}-{GRAPH_VERSION}"


def _make_graph(model: EmbeddingModel, folder: Path) -> None:
    """Convert into a folder of our own, then rename it: of two processes that convert at once, the first one's stays."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".converting-", dir=folder.parent) as scratch:
        target = Path(scratch) / "graph"
        target.mkdir()
        _convert(model, target)
        for file in target.iterdir():
            with file.open("rb") as opened:
                os.fsync(opened.fileno())
        try:
            target.rename(folder)
        except OSError:
            if not (folder / GRAPH_FILE).exists():
                raise


def _convert(model: EmbeddingModel, target: Path) -> None:
    command = [sys.executable, "-W", "ignore", "-m", "docpipe.embed.conversion", str(model.folder), model.pooling, str(target)]
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
