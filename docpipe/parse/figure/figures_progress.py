"""A document on its way through the workers, with its figures cut out once its pages are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from docpipe.errors import ArtifactDamaged, PermanentError
from docpipe.isolate import Result, Task
from docpipe.models import Document, Figure, ParsedDocument, ParsedHead
from docpipe.parse.figure.figure_limits import FigureLimits
from docpipe.parse.figure.figures import grouped, left_out, within
from docpipe.parse.parts import parts_folder
from docpipe.parse.progress import Progress
from docpipe.settings import Settings
from docpipe.stage import Lost, Made, Outcome

_GROUP = 12
"""Figures of one task: about a second."""
_MAX_FAILED_TASKS = 4
"""After that, the figures of a task that fails are given up at once."""


@dataclass(slots=True)
class FiguresProgress:
    """Goes on where the pages are assembled: the artifact's head then names figures with a place, but without a file.

    They are cut out by tasks of their own, so that the drawing of one that no reader needed cannot cost its page.
    """

    pages: Progress
    document: Document
    source: Path
    settings: Settings
    _made: Made | None = None
    _head: ParsedHead | None = None
    _warnings: list[str] = field(default_factory=list)
    _under_way: dict[str, tuple[Figure, ...]] = field(default_factory=dict)
    _cut: dict[str, Figure] = field(default_factory=dict)
    _failures: int = 0
    _seconds: float = 0.0

    def begin(self) -> Sequence[Task]:
        return self.pages.begin()

    def begin_ocr(self) -> Sequence[Task]:
        return self.pages.begin_ocr()

    def standing(self) -> str:
        return self.pages.standing()

    def take(self, result: Result) -> Sequence[Task] | Outcome:
        if result.task.key not in self._under_way:
            after = self.pages.take(result)
            return self._begin_figures(after) if isinstance(after, Made) else after
        figures = self._under_way.pop(result.task.key)
        self._seconds += result.seconds
        tasks: list[Task] = []
        if result.answer is None:
            tasks = self._after_failure(figures, result.error or PermanentError("the worker gave no answer"))
        else:
            self._after_success(figures, result.answer[0])
        if tasks or self._under_way:
            return tasks
        return self._finished()

    def _begin_figures(self, made: Made) -> Sequence[Task] | Outcome:
        try:
            head = ParsedDocument.head_of(made.data)
        except ArtifactDamaged as error:
            return Lost(made.key, PermanentError(f"the worker's answer makes no sense: {error}"), made.seconds)
        uncut = [one for one in head.figures if not one.sha256]
        if not uncut:
            return made
        figures, warnings = within(uncut, FigureLimits.from_settings(self.settings))
        self._made, self._head, self._seconds = made, head, made.seconds
        self._warnings.extend(warnings)
        return [self._task(group) for group in grouped(figures, _GROUP)] or self._finished()

    def _after_success(self, figures: Sequence[Figure], header: dict[str, object]) -> None:
        asked = {one.reference: one for one in figures}
        try:
            found, warnings = header["figures"], header["warnings"]
            assert isinstance(found, list)
            assert isinstance(warnings, list)
            for fields in found:
                figure = Figure.model_validate(fields)
                # What it is and where it stands is known; only the file is news.
                news = {name: getattr(figure, name) for name in ("sha256", "media_type", "width", "height")}
                self._cut[figure.reference] = asked[figure.reference].model_copy(update=news)
            self._warnings.extend(str(one)[:500] for one in warnings[:_GROUP])
        except (AssertionError, KeyError, TypeError, ValueError) as error:
            self._warnings.append(f"figures were lost: the worker's answer makes no sense: {type(error).__name__}")

    def _after_failure(self, figures: Sequence[Figure], error: Exception) -> list[Task]:
        self._failures += 1
        if len(figures) > 1 and self._failures <= _MAX_FAILED_TASKS:
            return [self._task((figure,), self.settings.task_seconds / 4) for figure in figures]
        self._warnings.extend(f"page {one.page}: figure {one.reference} was not cut out: {error}"[:500] for one in figures)
        return []

    def _task(self, figures: tuple[Figure, ...], seconds: float | None = None) -> Task:
        key = f"{self.document.key}\nfigures {figures[0].reference} {len(figures)}"
        self._under_way[key] = figures
        fields = tuple(figure.model_dump() for figure in figures)
        arguments = (str(self.source), self.document.media_type, self.settings.password_list, fields)
        limit = min(seconds or self.settings.task_seconds, max(1.0, self.settings.document_seconds - self._seconds))
        return Task(key, "docpipe.parse.figure.figures:crop", arguments, limit)

    def _finished(self) -> Made:
        assert self._made is not None
        assert self._head is not None
        kept: list[Figure] = []
        size, largest = 0, FigureLimits.from_settings(self.settings).size
        for figure in self._head.figures:
            cut = self._cut.get(figure.reference)
            if cut is None:
                continue
            size += _size(self.source, cut)
            if size > largest:
                self._warnings.extend(left_out(sum(one.reference in self._cut for one in self._head.figures) - len(kept)))
                break
            kept.append(cut)
        head = self._head.model_copy(update={"figures": tuple(kept), "warnings": (*self._head.warnings, *self._warnings)})
        return replace(self._made, data=ParsedDocument.with_head(self._made.data, head), seconds=self._seconds)


def _size(source: Path, figure: Figure) -> int:
    """Bytes of the figure's file; 0 where it is not there, which is found out when the parts are collected."""
    try:
        return (parts_folder(source) / figure.sha256).lstat().st_size
    except OSError:
        return 0
