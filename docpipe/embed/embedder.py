"""The choice of an embedder, opened once a process."""

from __future__ import annotations

import atexit
import os
import threading
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from docpipe.embed.cache.cached_embedder import CachedEmbedder
from docpipe.embed.cache.embedding_cache import EmbeddingCache
from docpipe.embed.contract import BatchEmbedder
from docpipe.embed.local.encoder import Encoder
from docpipe.embed.local.local_embedder import LocalEmbedder
from docpipe.embed.local.sliced_embedder import SlicedEmbedder
from docpipe.embed.model import API, EmbeddingModel, find_model
from docpipe.errors import ConfigurationError
from docpipe.settings import MEBIBYTE, Settings

if TYPE_CHECKING:
    from docpipe.embed.api.openai_embedder import OpenAIEmbedder

BACKENDS = ("openvino", "torch")
CACHE_FILE = "embedding_cache.sqlite"

_Name = tuple[object, ...]
_local: dict[_Name, LocalEmbedder] = {}
_remote: dict[_Name, OpenAIEmbedder] = {}
_caches: dict[_Name, EmbeddingCache] = {}
_opening = threading.RLock()


def open_embedder(settings: Settings) -> BatchEmbedder:
    """Open the embedder that the settings name, with the cache before it; once a process: a warm worker keeps its model.

    Raises `ModelMissing` without a model, `ConfigurationError` for a backend that is unknown or not installed.
    """
    with _opening:
        made: BatchEmbedder = _open_remote(settings) if settings.embedder.startswith(API) else _open_sliced(settings)
        if not settings.embed_cache_mb:
            return made
        path = settings.home / CACHE_FILE
        # Neither the threads of an engine nor an SQLite connection survive a fork, so a forked child opens its own.
        cache_name = (os.getpid(), path, settings.embed_cache_mb)
        if cache_name not in _caches:
            _caches[cache_name] = EmbeddingCache(path, settings.embed_cache_mb * MEBIBYTE)
        return CachedEmbedder(made, _caches[cache_name])


def open_local_embedder(settings: Settings) -> LocalEmbedder:
    """Open the model itself, in this process; raises as `open_embedder`."""
    model = find_model(settings)
    backend = choose_backend(settings.embed_backend)
    name = (os.getpid(), model, backend, settings.embed_batch_tokens)
    with _opening:
        if name not in _local:
            _local[name] = LocalEmbedder(model, _load(model, backend, settings.models_folder), settings.embed_batch_tokens)
        return _local[name]


def close_embedders() -> None:
    """Let go of the connections and files of this process; models stay loaded."""
    own = os.getpid()
    with _opening:
        for name in [name for name in _remote if name[0] == own]:
            _remote.pop(name).close()
        for name in [name for name in _caches if name[0] == own]:
            _caches.pop(name).close()


def choose_backend(wanted: str) -> str:
    """Name the backend for a setting: for `auto`, torch where there is a CUDA device, else OpenVINO, else torch."""
    if wanted == "auto":
        return "torch" if _cuda() or not _installed("openvino") else "openvino"
    if wanted not in BACKENDS:
        raise ConfigurationError(f"DOCPIPE_EMBED_BACKEND={wanted} is unknown: choose auto, {' or '.join(BACKENDS)}")
    if not _installed(wanted):
        raise ConfigurationError(f"DOCPIPE_EMBED_BACKEND={wanted}, but it is not installed: run `pip install {wanted}`, or choose auto")
    return wanted


def _open_sliced(settings: Settings) -> SlicedEmbedder:
    on_gpu = choose_backend(settings.embed_backend) == "torch" and _cuda()
    return SlicedEmbedder(open_local_embedder(settings), on_gpu)


def _open_remote(settings: Settings) -> OpenAIEmbedder:
    from docpipe.embed.api.openai_embedder import OpenAIEmbedder

    model = find_model(settings)
    limits = (settings.embed_requests_per_minute, settings.embed_tokens_per_minute, settings.ledger_url)
    money = (settings.prices, settings.budgets, settings.embed_provider)
    server = (settings.embed_url, settings.embed_key, settings.embed_requests, settings.embed_seconds, settings.max_attempts)
    name = (os.getpid(), model, settings.embed_dimension, *server, *limits, *money)
    if name not in _remote:
        _remote[name] = OpenAIEmbedder(settings, model)
    return _remote[name]


def _load(model: EmbeddingModel, backend: str, models: Path) -> Encoder:
    if backend == "openvino":
        from docpipe.embed.local.openvino_encoder import OpenvinoEncoder

        return OpenvinoEncoder(model, models)
    from docpipe.embed.local.torch_encoder import TorchEncoder

    return TorchEncoder(model)


def _cuda() -> bool:
    # Importing torch takes seconds and 200 MB: not on a machine without the driver's device files.
    if not any(Path("/dev").glob("nvidia[0-9]*")) and not Path("/dev/dxg").exists():
        return False
    import torch

    return torch.cuda.is_available()


def _installed(name: str) -> bool:
    return find_spec(name) is not None


atexit.register(close_embedders)
