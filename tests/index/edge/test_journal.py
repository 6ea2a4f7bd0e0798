from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from docpipe.errors import IndexFull
from docpipe.index import Entry
from docpipe.index.edge.journal import Deleted, Journal, Replaced
from tests.index.entries import entry

WRITTEN: list[Replaced | Deleted] = [
    Replaced(entry("a", 3, passages=4)),
    Deleted(["b", "ä/日本\ud800"], {"b": 7, "other": 1}),
    Replaced(Entry("empty", 1, {})),
]


def same(found: Replaced | Deleted, written: Replaced | Deleted) -> bool:
    if isinstance(found, Deleted) or isinstance(written, Deleted):
        return isinstance(found, Deleted) and isinstance(written, Deleted) and (found.keys, found.keep) == (written.keys, {"b": 7})
    one, other = found.entry, written.entry
    vectors = (one.vectors is None and other.vectors is None) or np.array_equal(one.vectors, other.vectors)  # type: ignore[arg-type]
    return vectors and (one.key, one.generation, one.payload, one.passages) == (
        other.key,
        other.generation,
        other.payload,
        list(other.passages),
    )


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal-000001")


def test_what_was_written_is_read_in_order(journal: Journal) -> None:
    assert journal.is_empty
    assert list(journal.read()) == []
    journal.append(WRITTEN[:1])
    journal.append(WRITTEN[1:])
    assert not journal.is_empty
    assert all(same(found, written) for found, written in zip(journal.read(), WRITTEN, strict=True))


def test_a_torn_end_is_cut_off_wherever_it_was_torn(journal: Journal, caplog: pytest.LogCaptureFixture) -> None:
    journal.append(WRITTEN[:1])
    first = journal.path.stat().st_size
    journal.append(WRITTEN[1:2])
    whole = journal.path.read_bytes()
    for length in range(first, len(whole)):
        journal.path.write_bytes(whole[:length])
        assert len(list(journal.read())) == 1
        assert journal.path.stat().st_size == first
    assert sum("not whole" in message for message in caplog.messages) == len(whole) - first - 1
    journal.append(WRITTEN[1:2])
    assert len(list(journal.read())) == 2


def test_a_changed_byte_is_noticed(journal: Journal) -> None:
    journal.append(WRITTEN[:1])
    whole = journal.path.read_bytes()
    for place in range(len(whole)):
        journal.path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1 :])
        assert list(journal.read()) == []
        assert journal.is_empty


@pytest.mark.parametrize("content", [b"DPJ1" + b"\xff" * 16, b"\0" * 1_000, b"DPJ"], ids=["huge", "zeros", "short"])
def test_anything_else_is_nothing(journal: Journal, content: bytes) -> None:
    journal.path.write_bytes(content)
    assert list(journal.read()) == []
    assert journal.is_empty


def test_what_cannot_be_made_to_last_is_taken_back(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    journal.append(WRITTEN[:1])
    before = journal.path.read_bytes()

    def fail(_: int) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(IndexFull, match="No space left"):
        journal.append(WRITTEN[1:])
    assert journal.path.read_bytes() == before
