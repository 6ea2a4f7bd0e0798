"""How fast one core of this machine multiplies the matrices of an encoder, by whichever library is faster."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from benchmarks.embed_work import Shape
from docpipe.embed.local.openvino_encoder import load_openvino

ROWS = (1_024, 4_096)
"""Tokens of the batches that are multiplied."""
REPEATS = 6
_SECONDS = 0.05
_DTYPES = {"bf16": torch.bfloat16, "f32": torch.float32}


def core_rates(shape: Shape, precision: str) -> dict[str, float]:
    """GFLOP per CPU-second on one core: of every distinct matrix and library, and `limit`, the best of both for one layer.

    The best of many short measurements counts, so that what else runs on the machine does not lower the limit.
    """
    rates: dict[str, float] = {}
    best: dict[tuple[int, int], float] = {}
    for inputs, outputs in dict.fromkeys(shape.matrices):
        for library, make in (("torch", _torch), ("openvino", _openvino)):
            rate = max(best_rate(make(rows, inputs, outputs, precision), 2 * rows * inputs * outputs / 1e9) for rows in ROWS)
            rates[f"{library} {inputs}x{outputs}"] = rate
            best[inputs, outputs] = max(best.get((inputs, outputs), 0.0), rate)
    seconds = sum(inputs * outputs / best[inputs, outputs] for inputs, outputs in shape.matrices)
    return rates | {"limit": sum(inputs * outputs for inputs, outputs in shape.matrices) / seconds}


def best_rate(multiply: Callable[[], object], gflop: float) -> float:
    """GFLOP per CPU-second of the fastest of `REPEATS` measurements."""
    multiply()
    best = 0.0
    for _ in range(REPEATS):
        done, started = 0, time.process_time()
        while (spent := time.process_time() - started) < _SECONDS:
            multiply()
            done += 1
        best = max(best, gflop * done / spent)
    return best


class Yardstick:
    """A short piece of the multiplications behind the limit, run beside what is measured: how fast the machine is just now."""

    def __init__(self, shape: Shape, precision: str) -> None:
        self._steps = [(_torch(ROWS[0], *matrix, precision), 2 * ROWS[0] * matrix[0] * matrix[1] / 1e9) for matrix in shape.matrices]
        self.rate()

    def rate(self) -> float:
        """GFLOP per CPU-second on one core, now."""
        gflop, started = 0.0, time.process_time()
        while time.process_time() - started < 4 * _SECONDS:
            for multiply, one in self._steps:
                multiply()
                gflop += one
        return gflop / (time.process_time() - started)


def _torch(rows: int, inputs: int, outputs: int, precision: str) -> Callable[[], object]:
    torch.set_num_threads(1)
    layer = torch.nn.Linear(inputs, outputs).to(_DTYPES[precision])
    data = torch.randn(rows, inputs).to(_DTYPES[precision])

    def multiply() -> object:
        with torch.inference_mode():
            return layer(data)

    return multiply


def _openvino(rows: int, inputs: int, outputs: int, precision: str) -> Callable[[], object]:
    openvino: Any = load_openvino()
    operations = openvino.opset13
    data = operations.parameter([-1, inputs], openvino.Type.f32)
    weights = np.random.default_rng(0).normal(size=(outputs, inputs)).astype(np.float32)
    graph = openvino.Model([operations.matmul(data, operations.constant(weights), False, True)], [data])
    request = openvino.Core().compile_model(
        graph, "CPU", {"INFERENCE_PRECISION_HINT": precision, "INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1}
    )
    filled = np.random.default_rng(1).normal(size=(rows, inputs)).astype(np.float32)
    infer = request.create_infer_request()
    return lambda: infer.infer({0: filled}, share_inputs=True)
