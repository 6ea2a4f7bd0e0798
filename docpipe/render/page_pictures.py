"""Pages of local files as pictures, by a pool of workers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from docpipe.convert import find_libreoffice
from docpipe.errors import ConfigurationError, ParseFailed, PermanentError
from docpipe.isolate import Task, WorkerPool
from docpipe.parse import formats
from docpipe.render.look import Look
from docpipe.settings import Settings
from docpipe.working_folder import working_folder

PAGE_SECONDS = 30.0
"""Longest that one page may take."""
_PAGED = frozenset({formats.PDF, *formats.IMAGES})
_OFFICE = frozenset(
    {
        formats.DOCX,
        formats.PPTX,
        formats.XLSX,
        formats.ODT,
        formats.ODS,
        formats.ODP,
        formats.DOC,
        formats.PPT,
        formats.XLS,
        formats.RTF,
    }
)
_NO_OFFICE = (
    "page pictures of office documents need LibreOffice, which is not on this machine: "
    "install it, or name its soffice in DOCPIPE_LIBREOFFICE"
)


@dataclass(frozen=True, slots=True)
class PagePicture:
    """One page: exactly one of `data` and `error` is set."""

    number: int
    """From 1."""
    data: bytes = b""
    """PNG."""
    error: Exception | None = None
    seconds: float = 0.0
    """Wall time in the worker."""


def has_page_pictures(media_type: str, settings: Settings) -> bool:
    """Whether pages of this type can be shown here."""
    return media_type in _PAGED or (media_type in _OFFICE and find_libreoffice(settings.libreoffice) is not None)


class PagePictures:
    """A pool of `DOCPIPE_RENDER_WORKERS` processes, started when first needed; each keeps its last document open.

    Used as a context manager. Office documents are made PDFs once, and stay so until the end of the context.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._pool = WorkerPool(
            settings.render_workers,
            seconds=PAGE_SECONDS,
            memory_mb=settings.worker_memory_mb,
            output_mb=settings.worker_output_mb,
            preload=("docpipe.parse.preload", "docpipe.render.worker"),
        )
        self._stack = ExitStack()
        self._converted: dict[Path, Path] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        # The workers first: one of them may still write into the folder.
        self._pool.close()
        self._stack.close()

    def count(self, source: Path, media_type: str) -> int:
        """The number of its pages; raises as `page` does."""
        path, kind = self._paged(source, media_type)
        header, _ = self._ask(Task(str(source), "docpipe.render.worker:count", (str(path), kind, self._settings.password_list)))
        return int(header["pages"])

    def page(self, source: Path, media_type: str, number: int, look: Look) -> bytes:
        """One page as a PNG; raises what kept it from being rendered.

        `ParseFailed`: no such page, or no pages in this format; `LimitExceeded`; `ConfigurationError`: LibreOffice is missing.
        """
        (picture,) = self.pages(source, media_type, [number], look)
        if picture.error is not None:
            raise picture.error
        return picture.data

    def pages(self, source: Path, media_type: str, numbers: Iterable[int], look: Look) -> Iterator[PagePicture]:
        """Pages with these numbers, in the order in which they are done; raises as `page` does where no page can be had."""
        path, kind = self._paged(source, media_type)
        arguments = (str(path), kind, self._settings.password_list)
        tasks = (Task(str(number), "docpipe.render.worker:render", (*arguments, number, look)) for number in numbers)
        for result in self._pool.run(tasks):
            if isinstance(result.error, ConfigurationError):
                raise result.error
            number, error = int(result.task.key), result.error
            if result.answer is None:
                yield PagePicture(number, error=error or PermanentError("the worker gave no answer"), seconds=result.seconds)
            else:
                yield PagePicture(number, result.answer[1], seconds=result.seconds)

    def _paged(self, source: Path, media_type: str) -> tuple[Path, str]:
        """The file whose pages are rendered, and its type: the document itself, or the PDF that is made of it."""
        if media_type in _PAGED:
            return source, media_type
        if media_type not in _OFFICE:
            form = formats.FORMATS.get(media_type)
            raise ParseFailed(f"{form.name if form else media_type or 'this type'} has no pages to show")
        if source not in self._converted:
            office = find_libreoffice(self._settings.libreoffice)
            if office is None:
                raise ConfigurationError(_NO_OFFICE)
            folder = self._stack.enter_context(working_folder("docpipe-office-"))
            arguments = (str(source), office.program, str(folder))
            header, _ = self._ask(Task(str(source), "docpipe.render.worker:to_pdf", arguments, self._settings.task_seconds))
            made = folder / Path(str(header["name"])).name
            if made.is_symlink() or not made.is_file():
                raise PermanentError("the worker names a PDF that it did not make")
            self._converted[source] = made
        return self._converted[source], formats.PDF

    def _ask(self, task: Task) -> tuple[dict[str, Any], bytes]:
        (result,) = self._pool.run([task])
        if result.answer is None:
            raise result.error or PermanentError("the worker gave no answer")
        return result.answer
