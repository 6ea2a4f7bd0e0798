"""The stage `parsed_pages`: documents to docling's document model, in killable workers."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path

from docpipe.errors import ParseFailed
from docpipe.fingerprint import Recipe
from docpipe.isolate import WorkerPool
from docpipe.models import Document, StageName
from docpipe.parse.formats import ACCEPTED, FORMATS
from docpipe.parse.pages import Reading
from docpipe.parse.progress import PagesProgress, Progress, WholeProgress
from docpipe.parse.work import Work
from docpipe.settings import MEBIBYTE, Settings
from docpipe.stage import Item, Lost, Made, Outcome

_CODE_VERSIONS = {"pages": "1", "docling": "1", "plain": "1", "delimited": "1"}
"""By reader, so that a better reader of tables makes no PDF stale."""
CODE_VERSION = ", ".join(f"{reader} {number}" for reader, number in _CODE_VERSIONS.items())
_FUNCTIONS = {
    "docling": "docpipe.parse.docling_formats:read",
    "plain": "docpipe.parse.plain_text:read",
    "delimited": "docpipe.parse.delimited:read",
}
_PRELOAD = ("docpipe.parse.preload", "docpipe.parse.pages", "docling_core.types.doc")
_OCR_MEMORY_FACTOR = 2
"""Measured peaks, resident and address space: an OCR worker 1.3 and 2.1 GB, one for layout 0.33 and 1.1 GB."""
_CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")


class ParseStage:
    """Reads every format; one worker a document, or several for the pages of a long one."""

    name = StageName.PARSED_PAGES

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def recipe(self, document: Document) -> Recipe:
        """The reader of the document's format, the libraries it uses, and the settings that shape what it makes."""
        form = FORMATS.get(document.media_type)
        if form is None:
            return Recipe(self.name, "none", {"media_type": document.media_type})
        parameters: dict[str, object] = {"media_type": document.media_type}
        parameters |= {library: _version(library) for library in form.libraries}
        if form.reader == "pages":
            settings = self._settings
            parameters |= {"ocr": settings.ocr, "layout": settings.layout, "layout_max_pages": settings.layout_max_pages}
        return Recipe(self.name, f"{form.reader} {_CODE_VERSIONS[form.reader]}", parameters)

    def process(self, items: Sequence[Item]) -> Iterator[Outcome]:
        """Yield one outcome for every item; documents with pages that need OCR come last."""
        readable = []
        for item in items:
            if item.document.media_type in FORMATS:
                readable.append(item)
            else:
                found = item.document.media_type or "unknown content"
                yield Lost(item.document.key, ParseFailed(f"no reader for {found}; accepted are {ACCEPTED}"))
        waiting: list[Progress] = []
        with WorkerPool.from_settings(self._settings, preload=_PRELOAD) as pool:
            for after in Work((self._progress(item) for item in readable), lambda one: one.begin()).run(pool):
                if isinstance(after, Made | Lost):
                    yield after
                else:
                    waiting.append(after)
        if not waiting:
            return
        with self._ocr_pool() as pool:
            for after in Work(waiting, lambda one: one.begin_ocr()).run(pool):
                assert isinstance(after, Made | Lost), "a document waits for OCR once"
                yield after

    def _progress(self, item: Item) -> Progress:
        document, settings = item.document, self._settings
        if item.source is None:
            raise ValueError(f"{document.key}: parsing needs a local copy of the object")
        reader = FORMATS[document.media_type].reader
        if reader != "pages":
            return WholeProgress(document, item.source, settings, _FUNCTIONS[reader])
        reading = Reading(document.media_type, settings.layout, settings.ocr, settings.layout_max_pages, settings.password_list)
        return PagesProgress(document, item.source, settings, reading)

    def _ocr_pool(self) -> WorkerPool:
        settings = self._settings
        memory_mb = settings.worker_memory_mb * _OCR_MEMORY_FACTOR
        workers = max(1, min(settings.workers, _memory_mb() // memory_mb))
        return WorkerPool(
            workers, seconds=settings.task_seconds, memory_mb=memory_mb, output_mb=settings.worker_output_mb, preload=_PRELOAD
        )


@cache
def _version(library: str) -> str:
    return version(library)


def _memory_mb() -> int:
    """Memory of the machine, or of the container where that is less."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    # Without a control group there is no such file; without a limit it holds the word "max".
    with suppress(OSError, ValueError):
        memory = min(memory, int(_CGROUP_LIMIT.read_text()))
    return memory // MEBIBYTE
