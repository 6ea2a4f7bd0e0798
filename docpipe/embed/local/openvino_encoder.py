"""The OpenVINO backend: the fastest on a CPU, and it needs no torch once the graph is there."""

from __future__ import annotations

import importlib
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from docpipe.cores import usable_cores
from docpipe.embed.local.encoder import Batch
from docpipe.embed.local.graph import ensure_graph
from docpipe.embed.local.precision import cpu_precision
from docpipe.embed.model import EmbeddingModel
from docpipe.errors import ModelMissing, TransientError


@dataclass(frozen=True, slots=True)
class _Network:
    """A compiled graph, and the requests that nobody uses now; threads take and give back single ones."""

    compiled: Any
    idle: deque[Any]

    def request(self) -> Any:
        try:
            return self.idle.pop()
        except IndexError:
            return self.compiled.create_infer_request()


class OpenvinoEncoder:
    """Runs the graph of a model, in bf16 where the processor has it, one batch on each core at a time.

    A core with a batch of its own waits for no other one: several cores on one batch lose time at every layer.
    """

    batch_tokens = 2_048

    def __init__(self, model: EmbeddingModel, models: Path, precision: str = "", streams: int = 0, threads: int = 0) -> None:
        """Load the graph from `models`, where it is made first if it is missing.

        `precision` is `bf16` or `f32`, empty for what the processor does best; `streams` batches run at a time on `threads`
        cores together, 0 for all that this process may use.
        """
        self._graph = ensure_graph(model, models)
        self.precision = precision or cpu_precision()
        threads = threads or usable_cores()
        self._streams = streams or threads
        self._hints = {
            "INFERENCE_PRECISION_HINT": self.precision,
            "NUM_STREAMS": self._streams,
            "INFERENCE_NUM_THREADS": threads,
            # Other processes of a run work on the same cores: the system places the threads best.
            "ENABLE_CPU_PINNING": False,
        }
        self._network = self._open()

    def encode(self, batches: Iterable[Batch]) -> Iterator[NDArray[np.float32]]:
        network = self._network
        running: deque[tuple[Any, Batch]] = deque()
        try:
            for batch in batches:
                # One more than can run: it waits, ready, while the results of another are taken.
                if len(running) > self._streams:
                    yield _result(*running[0])
                    network.idle.append(running.popleft()[0])
                request = network.request()
                # Shared arrays have to live until the request is done.
                running.append((request, batch))
                request.start_async({"input_ids": batch.ids, "attention_mask": batch.mask}, share_inputs=True)
            while running:
                yield _result(*running[0])
                network.idle.append(running.popleft()[0])
        except RuntimeError as error:
            tokens = running[0][1].ids.size if running else 0
            _settle(running)
            # What failed once may leave a stream that fails on every later batch.
            self._network = self._open()
            raise TransientError(f"OpenVINO could not embed {tokens} tokens ({error}): lower DOCPIPE_EMBED_BATCH_TOKENS") from error
        finally:
            network.idle.extend(_settle(running))

    def _open(self) -> _Network:
        try:
            compiled = load_openvino().Core().compile_model(self._graph, "CPU", self._hints)
        except RuntimeError as error:
            advice = f"delete {self._graph.parent}, it will be made again"
            raise ModelMissing(f"the converted model cannot be loaded ({error}): {advice}") from error
        return _Network(compiled, deque(maxlen=self._streams + 1))


def load_openvino() -> ModuleType:
    """Import OpenVINO without its telemetry, which would report every import to its maker's analytics server."""
    if "openvino" not in sys.modules:
        # OpenVINO takes its own silent stand-in where this package cannot be imported.
        sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    return importlib.import_module("openvino")


def _result(request: Any, batch: Batch) -> NDArray[np.float32]:  # noqa: ARG001 - the batch lives until its request is done
    request.wait()
    # The request's output buffer is overwritten by its next batch.
    return np.array(request.get_output_tensor(0).data, dtype=np.float32)


def _settle(running: deque[tuple[Any, Batch]]) -> list[Any]:
    """Wait for requests whose results nobody wants any more; returns them, idle."""
    settled = []
    while running:
        with suppress(RuntimeError):
            running[0][0].wait()
        settled.append(running.popleft()[0])
    return settled
