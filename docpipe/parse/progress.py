"""One document on its way through the workers: which tasks it still needs, and what became of them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from docpipe.checkpoint import Checkpoint
from docpipe.errors import DocumentRefused, LimitExceeded, ParseFailed, PermanentError, TransientError
from docpipe.isolate import Result, Task
from docpipe.models import Document
from docpipe.parse.kept_pages import KeptPages
from docpipe.parse.page.element import PageContent
from docpipe.parse.page.pages import Mode, Reading
from docpipe.parse.spool import Spool
from docpipe.settings import MEBIBYTE, Settings
from docpipe.stage import Lost, Made, Outcome

log = logging.getLogger(__name__)

_FIRST = 8
"""Pages of the first task, while one worker alone is busy with the document."""
_RANGE = 16
"""Most pages of one task: about 2 s of layout, so that a killed worker costs little."""
_TEXT_RANGE = 256
_SHORTEST, _SHORTEST_TEXT = 2, 32
"""Fewest pages of one task: the last ones are short, so that all workers end together."""
_MAX_PAGES = 200_000
"""A file of 30 MB can hold this many blank pages; the list of its ranges alone would fill the memory if it could claim any number."""
_MAX_FAILED_TASKS = 8
"""Tasks of one document that may be killed or crash; after that, a page whose task fails is given up at once."""

_MAX_WARNINGS, _WARNING_CHARACTERS = 1_000, 500
"""About the file as a whole; they stand in every piece that is kept of it."""
_PIECE_BYTES = 16 * MEBIBYTE
"""Most that is kept at once, so that no more lies in memory, now or when it is taken over; a page that is larger is kept alone."""


class Progress(Protocol):
    """What one document still needs."""

    def begin(self) -> Sequence[Task]:
        """The first tasks."""

    def take(self, result: Result) -> Sequence[Task] | Outcome:
        """The tasks that a result leads to, or the end. No tasks: others are under way, or wait for `begin_ocr`."""

    def begin_ocr(self) -> Sequence[Task]:
        """The tasks that need an OCR worker; none where the document does not wait for one."""

    def standing(self) -> str:
        """How far the document is, for people; empty where nothing can be said."""


@dataclass(slots=True)
class WholeProgress:
    """A document that one task reads as a whole."""

    document: Document
    source: Path
    settings: Settings
    function: str
    extra: tuple[object, ...] = ()
    """Arguments of the function after those that all of them take."""

    def begin(self) -> Sequence[Task]:
        arguments = (str(self.source), name_of(self.document), self.document.media_type, *self.extra)
        return [Task(self.document.key, self.function, arguments, min(self.settings.task_seconds, self.settings.document_seconds))]

    def take(self, result: Result) -> Outcome:
        if result.answer is None and result.seconds >= self.settings.document_seconds:
            return Lost(self.document.key, _over_time(self.settings), result.seconds)
        return _outcome(self.document.key, result, result.seconds)

    def begin_ocr(self) -> Sequence[Task]:
        return []

    def standing(self) -> str:
        return ""


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
    spool: Spool
    """Holds the pages that were read; removed with the document's end."""
    checkpoint: Checkpoint | None = None
    _total: int = 0
    _under_way: dict[str, tuple[tuple[int, ...], Mode]] = field(default_factory=dict)
    _ocr: list[int] = field(default_factory=list)
    _failed: dict[int, str] = field(default_factory=dict)
    _warnings: list[str] = field(default_factory=list)
    _failures: int = 0
    _seconds: float = 0.0
    _unsaved: list[int] = field(default_factory=list)
    _saved_at: float = 0.0
    """Of `_seconds`."""
    _kept: int = 0
    """Pages that an earlier attempt had read."""

    def begin(self) -> Sequence[Task]:
        if self.checkpoint:
            self._resume(self.checkpoint)
        if self._total:
            return self._ranges([number for number in range(1, self._total + 1) if number not in self.spool]) or [self._assembly()]
        # How many pages there are is known with the first answer; numbers beyond the last page cost nothing.
        return [self._task(tuple(range(1, _FIRST + 1)), Mode.ROUTED)]

    def take(self, result: Result) -> Sequence[Task] | Outcome:
        taken = self._take(result)
        if isinstance(taken, Made | Lost):
            self.spool.remove()
        if isinstance(taken, Made) and self._kept:
            return replace(taken, counts={**taken.counts, "kept_pages": self._kept})
        return taken

    def standing(self) -> str:
        if not self._total:
            return ""
        return f"{name_of(self.document)}: {len(self.spool):,} of {self._total:,} pages"

    def _take(self, result: Result) -> Sequence[Task] | Outcome:
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
                tasks = self._after_success(numbers, mode, result)
            except LimitExceeded as error:
                return Lost(self.document.key, error, self._seconds)
            except (KeyError, TypeError, ValueError, OverflowError) as error:
                broken = PermanentError(f"the worker's answer makes no sense: {type(error).__name__}: {error}")
                return Lost(self.document.key, broken, self._seconds)
            if self.spool.size > self.settings.worker_output_mb * MEBIBYTE:
                message = f"its pages hold {self.spool.size:,} bytes, more than DOCPIPE_WORKER_OUTPUT_MB allows"
                return Lost(self.document.key, LimitExceeded(message), self._seconds)
            if self.checkpoint:
                self._keep(self.checkpoint)
        if tasks or self._under_way or self._ocr:
            return tasks
        return [self._assembly()]

    def begin_ocr(self) -> Sequence[Task]:
        numbers, self._ocr = sorted(self._ocr), []
        # A task for each page: OCR takes seconds, and a slow page must not cost its neighbours.
        return [self._task((number,), Mode.OCR) for number in numbers]

    def _after_success(self, numbers: tuple[int, ...], mode: Mode, result: Result) -> list[Task]:
        assert result.answer is not None
        header, body = result.answer
        read, waiting = [int(one) for one in header["numbers"]], [int(one) for one in header["ocr"]]
        total = self._total or int(header["total"])
        if total > _MAX_PAGES:
            raise LimitExceeded(f"{total:,} pages, more than {_MAX_PAGES:,}: divide the file")
        if total < 1 or sorted(read + waiting) != [number for number in sorted(numbers) if number <= total]:
            raise ValueError("not the pages that were asked for")
        if waiting and mode is not Mode.ROUTED:
            raise ValueError("pages that wait for OCR again")
        for number, line in list(zip(read, body.split(b"\n") if body else (), strict=True)):
            self.spool.add(number, line)
        self._unsaved.extend(read)
        self._ocr.extend(waiting)
        if self._total:
            return []
        self._total = total
        self._warnings.extend(str(one)[:_WARNING_CHARACTERS] for one in header["warnings"][:_MAX_WARNINGS])
        return self._ranges(range(max(numbers) + 1, total + 1))

    def _resume(self, checkpoint: Checkpoint) -> None:
        """Take over what an attempt that was killed had read; without its help the pages are read again."""
        try:
            for piece in checkpoint.pieces():
                self._take_over(piece)
        except (TransientError, PermanentError) as error:
            self._cannot_be_used(error)
        self._kept = len(self.spool)
        if self._total:
            log.info("%s: goes on with %d of %d pages read", name_of(self.document), len(self.spool), self._total)

    def _take_over(self, piece: bytes) -> None:
        try:
            kept = KeptPages.from_bytes(piece)
        except ValueError as error:
            self._cannot_be_used(error)
            return
        if kept.total > _MAX_PAGES or self._total not in (0, kept.total):
            self._cannot_be_used(f"pages of a document that has {kept.total:,}")
            return
        self._total, self._warnings = kept.total, list(kept.warnings)
        self._seconds = self._saved_at = max(self._seconds, kept.seconds)
        for number, line in kept.lines.items():
            self.spool.add(number, line)

    def _cannot_be_used(self, reason: object) -> None:
        log.warning("%s: not all that was kept of an earlier attempt can be used: %s", name_of(self.document), reason)

    def _keep(self, checkpoint: Checkpoint) -> None:
        """Keep the pages read since the last time, once that is worth it; those whose task failed are for the next attempt to try."""
        if self._seconds - self._saved_at < self.settings.checkpoint_seconds:
            return
        unsaved = [number for number in self._unsaved if number not in self._failed]
        if not unsaved:
            return
        try:
            for group in self.spool.groups_of(unsaved, _PIECE_BYTES):
                lines = dict(zip(group, self.spool.lines_of(group), strict=True))
                checkpoint.add(KeptPages(self._total, tuple(self._warnings), self._seconds, lines).to_bytes())
                self._unsaved = unsaved = unsaved[len(group) :]
        except (TransientError, PermanentError) as error:
            # The pages are here all the same, and the next time comes soon.
            log.warning("%s: what was read is not kept for the case of a kill: %s", name_of(self.document), error)
        self._saved_at = self._seconds

    def _ranges(self, numbers: Sequence[int]) -> list[Task]:
        """Tasks for the pages that none has had, once their number is known: each a share of the pages left."""
        fast = not self.reading.layout or self._total > self.reading.layout_max_pages
        longest, shortest = (_TEXT_RANGE, _SHORTEST_TEXT) if fast else (_RANGE, _SHORTEST)
        tasks, start = [], 0
        while start < len(numbers):
            share = (len(numbers) - start) // (2 * self.settings.workers)
            end = start + max(shortest, min(longest, share))
            tasks.append(self._task(tuple(numbers[start:end]), Mode.ROUTED))
            start = end
        return tasks

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
            self.spool.add(number, PageContent(number, 0.0, 0.0, "text", error=str(error)[:500]).to_line())
        return []

    def _assembly(self) -> Task:
        failed = {number: message[:500] for number, message in self._failed.items()}
        arguments = (str(self.source), name_of(self.document), self.document.media_type, self.spool.lines(), tuple(self._warnings), failed)
        return Task(f"{self.document.key}\nassembly", "docpipe.parse.assemble.assembly:assemble", arguments, self._limit())

    def _task(self, numbers: tuple[int, ...], mode: Mode, seconds: float | None = None) -> Task:
        key = f"{self.document.key}\n{numbers[0]}-{numbers[-1]} {mode}"
        self._under_way[key] = (numbers, mode)
        return Task(key, "docpipe.parse.page.pages:read", (str(self.source), self.reading, numbers, mode.value), self._limit(seconds))

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
