"""The contract of an embedder, and the choice of a backend."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from docpipe.embed.encoder import Encoder
from docpipe.embed.local import LocalEmbedder
from docpipe.embed.model import EmbeddingModel, find_model
from docpipe.errors import ConfigurationError
from docpipe.settings import Settings

BACKENDS = ("openvino", "torch")

_open: dict[tuple[object, ...], LocalEmbedder] = {}
_opening = threading.Lock()


class Embedder(Protocol):
    """Turns texts into unit vectors; open one with `open_embedder`."""

    @property
    def model(self) -> EmbeddingModel: ...

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed texts; (n, dimension), unit length, in the order of the texts.

        A text's vector does not depend on its neighbours (cosine above 0.9995 between any two batches, and between
        any two backends). Raises `EmbeddingInvalid` for a text over the model's window and for a vector that is
        not finite or zero: nothing is cut silently. Raises `TransientError` when the device fails.
        """


def open_embedder(settings: Settings) -> LocalEmbedder:
    """Open the embedder that the settings name, once a process: a warm worker keeps its model.

    Raises `ModelMissing` without a model, `ConfigurationError` for a backend that is unknown or not installed.
    """
    model = find_model(settings)
    backend = choose_backend(settings.embed_backend)
    # The threads of an engine do not survive a fork, so a forked child opens its own.
    name = (os.getpid(), model.sha256, backend, settings.embed_batch_tokens)
    with _opening:
        if name not in _open:
            _open[name] = LocalEmbedder(model, _load(model, backend, settings.home / "models"), settings.embed_batch_tokens)
        return _open[name]


def choose_backend(wanted: str) -> str:
    """Name the backend for a setting: for `auto`, torch where there is a CUDA device, else OpenVINO, else torch."""
    if wanted == "auto":
        return "torch" if _cuda() or not _installed("openvino") else "openvino"
    if wanted not in BACKENDS:
        raise ConfigurationError(f"DOCPIPE_EMBED_BACKEND={wanted} is unknown: choose auto, {' or '.join(BACKENDS)}")
    if not _installed(wanted):
        raise ConfigurationError(f"DOCPIPE_EMBED_BACKEND={wanted}, but it is not installed: run `pip install {wanted}`, or choose auto")
    return wanted


def _load(model: EmbeddingModel, backend: str, models: Path) -> Encoder:
    if backend == "openvino":
        from docpipe.embed.openvino_encoder import OpenvinoEncoder

        return OpenvinoEncoder(model, models)
    from docpipe.embed.torch_encoder import TorchEncoder

    return TorchEncoder(model)


def _cuda() -> bool:
    # Importing torch takes seconds and 200 MB: not on a machine without the driver's device files.
    if not any(Path("/dev").glob("nvidia[0-9]*")) and not Path("/dev/dxg").exists():
        return False
    import torch

    return torch.cuda.is_available()


def _installed(name: str) -> bool:
    return find_spec(name) is not None
