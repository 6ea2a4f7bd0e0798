from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from docpipe.isolate import WorkerPool
from docpipe.models import Document, DocumentStatus, ParsedDocument
from docpipe.parse.stage import ParseStage
from docpipe.settings import Settings, load_settings
from docpipe.stage import Item, Made, Outcome

Run = Callable[..., dict[str, Outcome]]


@pytest.fixture(scope="session")
def worker_pool() -> Iterator[WorkerPool]:
    """One parsing worker for all tests of single task functions."""
    with WorkerPool(1, seconds=120, memory_mb=3_072, output_mb=64, preload=["docpipe.parse.preload"]) as pool:
        yield pool


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(home=tmp_path / "home", workers=2, task_seconds=120)


def item(path: Path, media_type: str, key: str = "") -> Item:
    document = Document(
        key=key or path.name,
        object_key=f"inbox/{path.name}",
        generation=1,
        media_type=media_type,
        size=path.stat().st_size,
        etag="1",
        version="",
        status=DocumentStatus.PENDING,
    )
    return Item(document, source=path)


def run(settings: Settings, items: Sequence[Item]) -> dict[str, Outcome]:
    outcomes = list(ParseStage(settings).process(items))
    assert len(outcomes) == len(items), "one outcome an item"
    return {outcome.key: outcome for outcome in outcomes}


def parsed(outcome: Outcome) -> ParsedDocument:
    assert isinstance(outcome, Made), outcome
    return ParsedDocument.from_bytes(outcome.data)
