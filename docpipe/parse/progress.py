"""One document on its way through the workers: which tasks it still needs, and what became of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from docpipe.errors import DocumentRefused, LimitExceeded, ParseFailed, PermanentError, TransientError
from docpipe.isolate import Result, Task
from docpipe.models import Document
from docpipe.parse.element import PageContent
from docpipe.parse.pages import Mode, Reading
from docpipe.settings import MEBIBYTE, Settings
from docpipe.stage import Lost, Made, Outcome

_RANGE = 16
"""Pages of one task: about 2 s of layout, so that a long document spreads over the workers."""
_TEXT_RANGE = 256
_MAX_FAILED_TASKS = 8
"""Tasks of one document that may be killed or crash; after that, a page whose task fails is given up at once."""


class Progress(Protocol):
    """What one document still needs."""

    def begin(self) -> Sequence[Task]:
        """The first tasks."""

    def take(self, result: Result) -> Sequence[Task] | Outcome:
        """The tasks that a result leads to, or the end. No tasks: others are under way, or wait for `begin_ocr`."""

    def begin_ocr(self) -> Sequence[Task]:
        """The tasks that need an OCR worker; none where the document does not wait for one."""


@dataclass(slots=True)
class WholeProgress:
    """A document that one task reads as a whole."""

    document: Document
    source: Path
    settings: Settings
    function: str

    def begin(self) -> Sequence[Task]:
        arguments = (str(self.source), name_of(self.document), self.document.media_type)
        return [Task(self.document.key, self.function, arguments, min(self.settings.task_seconds, self.settings.document_seconds))]

    def take(self, result: Result) -> Outcome:
        if result.answer is None and result.seconds >= self.settings.document_seconds:
            return Lost(self.document.key, _over_time(self.settings), result.seconds)
        return _outcome(self.document.key, result, result.seconds)

    def begin_ocr(self) -> Sequence[Task]:
        return []


@dataclass(slots=True)
class PagesProgress:
    """A document whose pages are read in ranges, then assembled.

    A range that is killed or crashes is read again page by page; a page, as plain text; what fails still costs that
    page alone. Only when all its tasks together have taken too long is the document lost.
    """

    document: Document
    source: Path
    settings: Settings
    reading: Reading
    _total: int = 0
    _under_way: dict[str, tuple[tuple[int, ...], Mode]] = field(default_factory=dict)
    _lines: dict[int, bytes] = field(default_factory=dict)
    _ocr: list[int] = field(default_factory=list)
    _failed: dict[int, str] = field(default_factory=dict)
    _warnings: list[str] = field(default_factory=list)
    _failures: int = 0
    _seconds: float = 0.0

    def begin(self) -> Sequence[Task]:
        # How many pages there are is known with the first answer; numbers beyond the last page cost nothing.
        return [self._task(tuple(range(1, _RANGE + 1)), Mode.ROUTED)]

    def take(self, result: Result) -> Sequence[Task] | Outcome:
        self._seconds += result.seconds
        assembled = result.answer is not None and result.task.key not in self._under_way
        if self._seconds >= self.settings.document_seconds and not assembled:
            return Lost(self.document.key, _over_time(self.settings), self._seconds)
        if result.task.key not in self._under_way:
            return _outcome(self.document.key, result, self._seconds)
        numbers, mode = self._under_way.pop(result.task.key)
        if result.error is not None:
            if isinstance(result.error, TransientError | ParseFailed | DocumentRefused):
                return Lost(self.document.key, result.error, self._seconds)
            tasks = self._after_failure(numbers, mode, result.error)
            if not self._total and not tasks:
                return Lost(self.document.key, result.error, self._seconds)
        else:
            try:
                tasks = self._after_success(numbers, result)
            except (KeyError, TypeError, ValueError, OverflowError) as error:
                broken = PermanentError(f"the worker's answer makes no sense: {type(error).__name__}: {error}")
                return Lost(self.document.key, broken, self._seconds)
            held = sum(map(len, self._lines.values()))
            if held > self.settings.worker_output_mb * MEBIBYTE:
                message = f"its pages hold {held:,} bytes, more than DOCPIPE_WORKER_OUTPUT_MB allows"
                return Lost(self.document.key, LimitExceeded(message), self._seconds)
        if tasks or self._under_way or self._ocr:
            return tasks
        return [self._assembly()]

    def begin_ocr(self) -> Sequence[Task]:
        numbers, self._ocr = sorted(self._ocr), []
        # A task for each page: OCR takes seconds, and a slow page must not cost its neighbours.
        return [self._task((number,), Mode.OCR) for number in numbers]

    def _after_success(self, numbers: tuple[int, ...], result: Result) -> list[Task]:
        assert result.answer is not None
        header, body = result.answer
        read, waiting = [int(one) for one in header["numbers"]], [int(one) for one in header["ocr"]]
        if not {*read, *waiting} <= set(numbers):
            raise ValueError("pages that were not asked for")
        self._lines.update(zip(read, body.split(b"\n") if body else (), strict=True))
        self._ocr.extend(waiting)
        if self._total:
            return []
        self._total = int(header["total"])
        self._warnings.extend(map(str, header["warnings"]))
        return self._others(max(numbers), Mode.ROUTED)

    def _others(self, last: int, mode: Mode) -> list[Task]:
        """Ranges for the pages that no task has had, once their number is known."""
        fast = not self.reading.layout or self._total > self.reading.layout_max_pages
        size = _TEXT_RANGE if fast else _RANGE
        starts = range(last + 1, self._total + 1, size)
        return [self._task(tuple(range(start, min(start + size, self._total + 1))), mode) for start in starts]

    def _after_failure(self, numbers: tuple[int, ...], mode: Mode, error: Exception) -> list[Task]:
        self._failures += 1
        self._failed |= dict.fromkeys(numbers, f"{mode}: {error}")
        quarter = self.settings.task_seconds / 4
        if self._failures > _MAX_FAILED_TASKS:
            return self._give_up(numbers, error)
        if not self._total and len(numbers) > 1:
            return [self._task((1,), mode, quarter)]
        if len(numbers) > 1:
            return [self._task((number,), mode, quarter) for number in numbers]
        if mode is not Mode.TEXT:
            return [self._task(numbers, Mode.TEXT, quarter)]
        return self._give_up(numbers, error)

    def _give_up(self, numbers: tuple[int, ...], error: Exception) -> list[Task]:
        for number in numbers:
            self._lines[number] = PageContent(number, 0.0, 0.0, "text", error=str(error)[:500]).to_line()
        return []

    def _assembly(self) -> Task:
        lines = tuple(self._lines[number] for number in sorted(self._lines))
        failed = {number: message[:500] for number, message in self._failed.items()}
        arguments = (str(self.source), name_of(self.document), self.document.media_type, lines, tuple(self._warnings), failed)
        return Task(f"{self.document.key}\nassembly", "docpipe.parse.assembly:assemble", arguments, self._limit())

    def _task(self, numbers: tuple[int, ...], mode: Mode, seconds: float | None = None) -> Task:
        key = f"{self.document.key}\n{numbers[0]}-{numbers[-1]} {mode}"
        self._under_way[key] = (numbers, mode)
        return Task(key, "docpipe.parse.pages:read", (str(self.source), self.reading, numbers, mode.value), self._limit(seconds))

    def _limit(self, seconds: float | None = None) -> float:
        """Seconds for one task: no more than the document has left."""
        return min(seconds or self.settings.task_seconds, self.settings.document_seconds - self._seconds)


def name_of(document: Document) -> str:
    """What the document is called: the last part of its object key."""
    return document.object_key.rstrip("/").rsplit("/", 1)[-1] or document.key


def _over_time(settings: Settings) -> LimitExceeded:
    return LimitExceeded(
        f"not parsed after {settings.document_seconds:g} s of work; raise DOCPIPE_DOCUMENT_SECONDS if it is worth the wait"
    )


def _outcome(key: str, result: Result, seconds: float) -> Outcome:
    """The end of a document by the result of its last task."""
    if result.answer is None:
        return Lost(key, result.error or PermanentError("the worker gave neither a result nor an error"), seconds)
    header, data = result.answer
    try:
        counts = {str(name): int(count) for name, count in header["counts"].items()}
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
        return Lost(key, PermanentError(f"the worker's answer makes no sense: {type(error).__name__}: {error}"), seconds)
    return Made(key, data, counts, seconds)
