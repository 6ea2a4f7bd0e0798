"""The stage `parsed_pages` in this process: what its workers do, without the pipe between, so that CPU time can be read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, Self
from unittest.mock import patch

from docpipe.errors import DocpipeError, PermanentError
from docpipe.isolate import Result, Task
from docpipe.models import Document, DocumentStatus
from docpipe.parse import stage
from docpipe.settings import Settings
from docpipe.stage import Item, Made

PDF = "application/pdf"


def perform(task: Task) -> Result:
    """Call the task's function, as a worker does."""
    module, _, name = task.function.partition(":")
    try:
        return Result(task, getattr(import_module(module), name)(*task.arguments), None, 0.0)
    except DocpipeError as error:
        return Result(task, None, error, 0.0)
    except Exception as error:  # noqa: BLE001 - as in a worker
        return Result(task, None, PermanentError(f"{type(error).__name__}: {error}"), 0.0)


class InlinePool:
    """Stands in for the class `WorkerPool` and for its instances: models stay loaded from one file to the next."""

    def __init__(self, perform: Callable[[Task], Result] = perform) -> None:
        self._perform = perform

    def __call__(self, *_: Any, **__: Any) -> Self:
        return self

    def from_settings(self, *_: Any, **__: Any) -> Self:
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to end."""

    def run(self, tasks: Iterable[Task]) -> Iterator[Result]:
        """One after the other; what a result leads to comes from the same iterator."""
        iterator = iter(tasks)
        while (task := next(iterator, None)) is not None:
            yield self._perform(task)


def parse(path: Path, settings: Settings, pool: InlinePool) -> bytes:
    """The artifact of one PDF; raises its error."""
    with patch.object(stage, "WorkerPool", pool):
        (outcome,) = stage.ParseStage(settings).process([item(path)])
    if isinstance(outcome, Made):
        return outcome.data
    raise outcome.error


def item(path: Path, key: str = "document") -> Item:
    """A PDF as the stage gets it; `key` tells one from another of the same batch."""
    return Item(Document(key, path.name, 1, PDF, path.stat().st_size, "", "", DocumentStatus.RUNNING), source=path)
