"""Loading the inputs of many documents ahead of the work on them."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from docpipe.errors import ConfigurationError
from docpipe.models import StageName
from docpipe.stage import Item

AHEAD = 8
"""Documents in memory before their turn; an object store answers in tens of milliseconds, so that it is asked for several at once."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """One document with the bytes of its inputs, or with the error that kept them away."""

    item: Item
    data: Mapping[StageName, bytes]
    seconds: float
    error: Exception | None = None


def load_inputs(items: Sequence[Item]) -> Iterator[Loaded]:
    """Load every document's inputs, in the order of the documents; only a `ConfigurationError` is raised."""
    waiting: deque[Future[Loaded]] = deque()
    remaining = iter(items)
    with ThreadPoolExecutor(AHEAD, "inputs") as threads:
        while True:
            while len(waiting) < AHEAD and (item := next(remaining, None)) is not None:
                waiting.append(threads.submit(_load, item))
            if not waiting:
                return
            yield waiting.popleft().result()


def _load(item: Item) -> Loaded:
    began = time.perf_counter()
    try:
        data = {name: load() for name, load in item.inputs.items()}
    except ConfigurationError:
        raise
    except Exception as error:  # noqa: BLE001 - a stage answers for every document, whatever is wrong with it
        return Loaded(item, {}, time.perf_counter() - began, error)
    return Loaded(item, data, time.perf_counter() - began)
