from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from docpipe.errors import BucketDenied, BucketUnavailable
from docpipe.inputs import AHEAD, load_inputs
from docpipe.models import StageName
from tests.documents import item


def test_inputs_come_in_order_with_their_errors() -> None:
    error = BucketUnavailable("no answer")
    items = [item(f"d{n}", {StageName.CHUNKS: error if n == 7 else str(n).encode()}) for n in range(40)]
    for number, loaded in enumerate(load_inputs(items)):
        assert loaded.item is items[number]
        assert (loaded.data, loaded.error) == (({}, error) if number == 7 else ({StageName.CHUNKS: str(number).encode()}, None))


def test_only_a_few_documents_are_in_memory_at_once() -> None:
    loads: list[str] = []
    lock = threading.Lock()

    def load(key: str) -> bytes:
        with lock:
            loads.append(key)
        return b""

    items = [replace(item(f"d{n}", {}), inputs={StageName.CHUNKS: lambda n=n: load(f"d{n}")}) for n in range(50)]  # type: ignore[misc]
    for done, _ in enumerate(load_inputs(items), 1):
        with lock:
            assert len(loads) <= done + AHEAD


def test_a_wrong_setting_is_raised() -> None:
    with pytest.raises(BucketDenied):
        list(load_inputs([item("a", {StageName.CHUNKS: BucketDenied("no key")})]))
