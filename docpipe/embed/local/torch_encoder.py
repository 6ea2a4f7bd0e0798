"""The torch backend, on CUDA and as the fallback on a CPU.

Imports torch and transformers: import this module only where a model is really wanted.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from docpipe.cores import usable_cores
from docpipe.embed.local.encoder import Batch
from docpipe.embed.local.network import PooledEncoder, load_network
from docpipe.embed.local.precision import cpu_precision
from docpipe.embed.model import EmbeddingModel, ensure_unchanged
from docpipe.errors import ModelMissing, TransientError

_DTYPES = {"bf16": torch.bfloat16, "f16": torch.float16, "f32": torch.float32}
_CPU_TOKENS = 2_048
_CUDA_TOKENS = 65_536
"""Fills the matrices of a small encoder; where the memory does not suffice, batches are halved."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Running:
    """A batch under way: its vectors in the processor's memory once the copy is done."""

    vectors: Sequence[Tensor]
    copied: torch.cuda.Event | None


class TorchEncoder:
    """Runs the model with torch, on the first CUDA device where there is one.

    On CUDA the next batch is under way before the results of the last are fetched. On a CPU every core has a batch of its own:
    where other processes need the cores too, the threads of one batch burn three times as much waiting for each other. torch has
    one number of threads for a whole process, so on a CPU all else that runs on torch in it (a reranker) has one thread too. A
    batch that lacks memory is halved, and so are the ones after it.
    """

    def __init__(self, model: EmbeddingModel, device: str = "", precision: str = "", threads: int = 0) -> None:
        """`device` is `cuda` or `cpu`, `precision` one of `bf16`, `f16` and `f32`; empty for the best there is.

        `threads` is the number of cores; 0 for all that this process may use. Raises `ModelMissing`, and `TransientError` where
        the device has no room for the model.
        """
        if model.folder is None:
            raise ModelMissing(f"{model.name} stands behind an API and has no weights here: set DOCPIPE_EMBEDDER to a folder")
        self._device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self._cuda = self._device.type == "cuda"
        self.precision = precision or (_cuda_precision() if self._cuda else cpu_precision())
        self.batch_tokens = _CUDA_TOKENS if self._cuda else _CPU_TOKENS
        network = load_network(model.folder, model.pooling, _DTYPES[self.precision])
        try:
            self._network: PooledEncoder = network.to(self._device)
        except RuntimeError as error:
            advice = "free its memory, or set DOCPIPE_EMBED_BACKEND=openvino"
            raise TransientError(f"{model.name} cannot be loaded on {self._device} ({_first_line(error)}): {advice}") from error
        ensure_unchanged(model)
        cores = 1 if self._cuda else threads or usable_cores()
        self._workers = ThreadPoolExecutor(cores, "torch")
        if not self._cuda:
            torch.set_num_threads(1)
        self._ahead = cores
        self._most_tokens: int | None = None

    def encode(self, batches: Iterable[Batch]) -> Iterator[NDArray[np.float32]]:
        running: deque[Future[_Running]] = deque()
        for batch in batches:
            running.append(self._workers.submit(self._start, batch))
            if len(running) > self._ahead:
                yield _finished(running.popleft().result())
        while running:
            yield _finished(running.popleft().result())

    def _start(self, batch: Batch) -> _Running:
        try:
            with torch.inference_mode():
                vectors = [self._copied(part) for part in self._encoded(batch)]
                copied = torch.cuda.Event() if self._cuda else None  # type: ignore[no-untyped-call]
                if copied is not None:
                    copied.record()
                return _Running(vectors, copied)
        except RuntimeError as error:
            raise _failure(batch.ids.size, error) from error

    def _encoded(self, batch: Batch) -> Iterator[Tensor]:
        """Encode a batch in as many parts as the memory asks for."""
        waiting = [batch]
        while waiting:
            part = waiting.pop()
            texts, tokens = len(part.ids), part.ids.size
            if texts == 1 or self._most_tokens is None or tokens <= self._most_tokens:
                try:
                    yield self._vectors(part)
                    continue
                except torch.OutOfMemoryError as error:
                    if texts == 1:
                        raise
                    self._most_tokens = tokens // 2
                    _log.warning("no memory for %d tokens at once (%s): lower DOCPIPE_EMBED_BATCH_TOKENS", tokens, _first_line(error))
                if self._cuda:
                    torch.cuda.empty_cache()
            middle = (texts + 1) // 2
            waiting += [Batch(part.ids[middle:], part.mask[middle:]), Batch(part.ids[:middle], part.mask[:middle])]

    def _vectors(self, batch: Batch) -> Tensor:
        vectors: Tensor = self._network(self._moved(batch.ids), self._moved(batch.mask), full=bool(batch.mask.all()))
        return vectors

    def _moved(self, array: NDArray[np.int64]) -> Tensor:
        tensor = torch.from_numpy(np.ascontiguousarray(array))
        return tensor.pin_memory().to(self._device, non_blocking=True) if self._cuda else tensor

    def _copied(self, vectors: Tensor) -> Tensor:
        if not self._cuda:
            return vectors
        return torch.empty(vectors.shape, dtype=vectors.dtype, pin_memory=True).copy_(vectors, non_blocking=True)


def _finished(running: _Running) -> NDArray[np.float32]:
    try:
        if running.copied is not None:
            running.copied.synchronize()
        vectors: NDArray[np.float32] = torch.cat(list(running.vectors)).numpy()
        return vectors
    except RuntimeError as error:
        raise _failure(sum(len(part) for part in running.vectors), error, "texts") from error


def _cuda_precision() -> str:
    if torch.cuda.is_bf16_supported(including_emulation=False):
        return "bf16"
    # Volta was the first to multiply f16 faster than f32.
    return "f16" if torch.cuda.get_device_capability()[0] >= 7 else "f32"


def _failure(count: int, error: RuntimeError, counted: str = "tokens") -> TransientError:
    return TransientError(f"torch could not embed {count} {counted} ({_first_line(error)}): lower DOCPIPE_EMBED_BATCH_TOKENS")


def _first_line(error: RuntimeError) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
