"""What the NVIDIA cards of this machine are doing, where there are any."""

from __future__ import annotations

import logging
import threading
from contextlib import suppress

from docpipe.metrics.sample import Sample

log = logging.getLogger(__name__)

_lock = threading.Lock()


def gpu_samples() -> list[Sample]:
    """Utilisation and memory of each card; nothing where there is no card, no driver, or `nvidia-ml-py` is not installed."""
    try:
        import pynvml
    except ImportError:
        return []
    # The driver's library counts how often it was opened, in the whole process.
    with _lock:
        try:
            pynvml.nvmlInit()
        except pynvml.NVMLError:
            return []
        try:
            return [sample for number in range(pynvml.nvmlDeviceGetCount()) for sample in _card(number)]
        except pynvml.NVMLError as error:
            log.warning("the cards of this machine cannot be asked: %s", error)
            return []
        finally:
            with suppress(pynvml.NVMLError):
                pynvml.nvmlShutdown()


def _card(number: int) -> list[Sample]:
    import pynvml

    card = pynvml.nvmlDeviceGetHandleByIndex(number)
    labels = {"gpu": str(number)}
    found = [Sample("docpipe_gpu_memory_bytes", float(pynvml.nvmlDeviceGetMemoryInfo(card).used), labels)]
    # A card that is divided (MIG) has no utilisation of its own.
    with suppress(pynvml.NVMLError):
        found.append(Sample("docpipe_gpu_utilisation", pynvml.nvmlDeviceGetUtilizationRates(card).gpu / 100, labels))
    return found
