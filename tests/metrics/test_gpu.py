from __future__ import annotations

import builtins
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from docpipe.metrics.gpu import gpu_samples


def test_a_machine_without_a_card_or_driver_has_no_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    pynvml = pytest.importorskip("pynvml")

    def no_driver() -> None:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)

    monkeypatch.setattr(pynvml, "nvmlInit", no_driver)
    assert gpu_samples() == []


def test_the_library_is_optional(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def missing(name: str, *arguments: Any) -> Any:
        if name == "pynvml":
            raise ImportError(name)
        return real(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", missing)
    monkeypatch.delitem(sys.modules, "pynvml", raising=False)
    assert gpu_samples() == []


def test_each_card_has_its_numbers_and_a_divided_one_no_utilisation(monkeypatch: pytest.MonkeyPatch) -> None:
    pynvml = pytest.importorskip("pynvml")
    ended = []

    def utilisation(card: int) -> SimpleNamespace:
        if card == 1:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)
        return SimpleNamespace(gpu=25)

    answers = {
        "nvmlInit": lambda: None,
        "nvmlShutdown": lambda: ended.append(True),
        "nvmlDeviceGetCount": lambda: 2,
        "nvmlDeviceGetHandleByIndex": lambda number: number,
        "nvmlDeviceGetMemoryInfo": lambda card: SimpleNamespace(used=1_000 + card),
        "nvmlDeviceGetUtilizationRates": utilisation,
    }
    for name, answer in answers.items():
        monkeypatch.setattr(pynvml, name, answer)
    found = {(sample.name, sample.labels["gpu"]): sample.value for sample in gpu_samples()}
    assert found == {
        ("docpipe_gpu_memory_bytes", "0"): 1_000,
        ("docpipe_gpu_utilisation", "0"): 0.25,
        ("docpipe_gpu_memory_bytes", "1"): 1_001,
    }
    assert ended == [True]
