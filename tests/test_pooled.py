from __future__ import annotations

from collections.abc import Iterator

import pytest

from docpipe.errors import ArtifactDamaged, ConfigurationError, ModelMissing, ParseFailed
from docpipe.isolate import Answer, Task, WorkerPool
from docpipe.models import Document, DocumentStatus
from docpipe.pooled import Answered, run_items
from docpipe.stage import Item, Lost


def echo(text: str) -> Answer:
    return {"length": len(text)}, text.encode()


def refuse(kind: str) -> Answer:
    raise {"missing": ModelMissing, "failed": ParseFailed}[kind]("because")


@pytest.fixture(scope="module")
def pool() -> Iterator[WorkerPool]:
    with WorkerPool(1, seconds=60, memory_mb=2_048, output_mb=1) as pool:
        yield pool


def items(*keys: str) -> list[Item]:
    return [Item(Document(key, key, 1, "text/plain", 1, "etag", "", DocumentStatus.RUNNING)) for key in keys]


def task(item: Item) -> Task:
    key = item.document.key
    if key == "damaged":
        raise ArtifactDamaged("half")
    if key == "misconfigured":
        raise ConfigurationError("set it")
    function = "refuse" if key in {"missing", "failed"} else "echo"
    return Task(key, f"{__name__}:{function}", (key,))


def test_every_item_has_one_outcome(pool: WorkerPool) -> None:
    outcomes = {outcome.key: outcome for outcome in run_items(pool, items("damaged", "a", "failed", "bb", "damaged-not"), task)}
    assert len(outcomes) == 5
    found = outcomes["bb"]
    assert isinstance(found, Answered)
    assert (found.header, found.body) == ({"length": 2}, b"bb")
    errors = {key: type(outcome.error) for key, outcome in outcomes.items() if isinstance(outcome, Lost)}
    assert errors == {"damaged": ArtifactDamaged, "failed": ParseFailed}


def test_items_that_all_fail_to_load(pool: WorkerPool) -> None:
    assert [outcome.key for outcome in run_items(pool, items("damaged"), task)] == ["damaged"]


@pytest.mark.parametrize(("key", "kind"), [("misconfigured", ConfigurationError), ("missing", ModelMissing)])
def test_what_no_document_can_help_is_raised(pool: WorkerPool, key: str, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        list(run_items(pool, items("a", key), task))
