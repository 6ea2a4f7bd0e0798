"""The stage `parsed_pages`: documents to docling's document model, in killable workers."""

from __future__ import annotations

import os
import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from functools import cache, cached_property
from importlib.metadata import version
from pathlib import Path

from docpipe.convert import find_libreoffice
from docpipe.describe import PROMPT_VERSION, open_descriptions
from docpipe.errors import ArtifactDamaged, ConfigurationError, ParseFailed, PermanentError
from docpipe.fingerprint import Recipe
from docpipe.isolate import WorkerPool
from docpipe.models import Document, ParsedDocument, StageName
from docpipe.parse.figure.figure_limits import FigureLimits
from docpipe.parse.figure.figures_progress import FiguresProgress
from docpipe.parse.formats import ACCEPTED, FORMATS
from docpipe.parse.mail.mail import Limits
from docpipe.parse.ocr.ocr_languages import codes, program, tessdata
from docpipe.parse.ocr.picture_reader import PictureReader
from docpipe.parse.opening import Opening
from docpipe.parse.page import docling_models
from docpipe.parse.page.pages import Reading
from docpipe.parse.page.route import Thresholds
from docpipe.parse.parts import collect, parts_folder
from docpipe.parse.progress import PagesProgress, Progress, WholeProgress
from docpipe.parse.spool import Spool
from docpipe.parse.work import Work
from docpipe.settings import MEBIBYTE, Settings
from docpipe.stage import Item, Lost, Made, Outcome
from docpipe.working_folder import working_folder

_CODE_VERSIONS = {"pages": "2", "docling": "2", "mail": "1", "converted": "1", "plain": "2", "delimited": "2"}
"""By reader, so that a better reader of tables makes no PDF stale."""
CODE_VERSION = ", ".join(f"{reader} {number}" for reader, number in _CODE_VERSIONS.items())
_FUNCTIONS = {
    "docling": "docpipe.parse.docling_formats:read",
    "mail": "docpipe.parse.mail.mail:read",
    "converted": "docpipe.parse.office.converted:read",
    "plain": "docpipe.parse.text.plain_text:read",
    "delimited": "docpipe.parse.text.delimited:read",
}
_OPENED = frozenset({"docling", "mail", "converted"})
"""Readers that get what it may take to open a file."""
_WITH_FIGURES = frozenset({"pages", *_OPENED})
_PRELOAD = ("docpipe.parse.preload", "docpipe.parse.page.pages", "docling_core.types.doc")
_OCR_MEMORY_FACTOR = 2
"""Measured peaks, resident and address space: an OCR worker 1.3 and 2.1 GB, one for layout 0.33 and 1.1 GB."""
_DOCLING_MEMORY_FACTOR = 4
"""Torch reserves more address space than it uses; its own models besides."""
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
        models: dict[str, str] = {}
        parameters |= {library: _version(library) for library in form.libraries}
        if form.reader == "converted":
            found = find_libreoffice(self._settings.libreoffice)
            parameters["libreoffice"] = found.version if found else "none"
        if form.reader == "mail":
            parameters |= {"attachments": self._settings.attachments, "attachments_mb": self._settings.worker_output_mb}
        if form.reader == "pages":
            settings = self._settings
            parameters |= {"ocr": settings.ocr, "layout": settings.layout, "layout_max_pages": settings.layout_max_pages}
            parameters |= asdict(Thresholds.from_settings(settings))
            if settings.ocr:
                parameters |= {"ocr_languages": codes(settings.ocr_languages), "ocr_confidence": settings.ocr_confidence}
                # Where a language's data is missing, the stage says so when it starts.
                with suppress(ConfigurationError):
                    models |= self._picture_reader.models()
            if settings.layout:
                parameters |= {"docling_models": bool(settings.docling_models)}
                models |= docling_models.models(settings.docling_models) if settings.docling_models else {}
        if form.reader in _WITH_FIGURES:
            parameters |= {"figures": self._settings.figures, "figures_mb": self._settings.figures_mb}
            if self._settings.vision_url:
                parameters |= {"vision": self._settings.vision_model, "vision_prompt": PROMPT_VERSION}
        return Recipe(self.name, f"{form.reader} {_CODE_VERSIONS[form.reader]}", parameters, models)

    def process(self, items: Sequence[Item]) -> Iterator[Outcome]:
        """Yield one outcome for every item; documents with pages that need OCR come last."""
        readable = []
        for item in items:
            if item.document.media_type in FORMATS:
                readable.append(item)
            else:
                found = item.document.media_type or "unknown content"
                yield Lost(item.document.key, ParseFailed(f"no reader for {found}; accepted are {ACCEPTED}"))
        if not readable:
            return
        self._check()
        sources = {item.document.key: item.source for item in readable if item.source}
        descriptions = open_descriptions(self._settings)
        with working_folder("docpipe-pages-") as folder:
            outcomes = self._with_parts(self._read(readable, folder), sources)
            if descriptions:
                outcomes = descriptions.added_to(outcomes, {item.document.key: item for item in readable}, folder)
            for outcome in outcomes:
                yield outcome
                # Whoever asks for the next outcome has stored the parts of this one.
                shutil.rmtree(parts_folder(sources[outcome.key]), ignore_errors=True)

    def _with_parts(self, outcomes: Iterable[Outcome], sources: Mapping[str, Path]) -> Iterator[Outcome]:
        """Give every artifact the files that its head names."""
        for outcome in outcomes:
            if isinstance(outcome, Lost):
                yield outcome
                continue
            try:
                head = ParsedDocument.head_of(outcome.data)
                names = [*(figure.sha256 for figure in head.figures), *(attachment.sha256 for attachment in head.attachments)]
                parts = collect(sources[outcome.key], names, self._largest_parts)
            except ArtifactDamaged as error:
                yield Lost(outcome.key, PermanentError(f"the worker's answer makes no sense: {error}"), outcome.seconds, outcome.effort)
            except PermanentError as error:
                yield Lost(outcome.key, error, outcome.seconds, outcome.effort)
            else:
                yield replace(outcome, parts=parts)

    @property
    def _largest_parts(self) -> int:
        """Bytes."""
        return (self._settings.figures_mb + self._settings.worker_output_mb) * MEBIBYTE

    def _read(self, items: Sequence[Item], folder: Path) -> Iterator[Outcome]:
        waiting: list[Progress] = []
        spent: defaultdict[str, float] = defaultdict(float)
        documents = (self._progress(item, Spool(folder / str(number))) for number, item in enumerate(items))
        with WorkerPool.from_settings(self._settings, preload=_PRELOAD) as pool:
            for after in Work(documents, lambda one: one.begin(), spent).run(pool):
                if isinstance(after, Made | Lost):
                    yield after
                else:
                    waiting.append(after)
        if not waiting:
            return
        with self._ocr_pool() as pool:
            for after in Work(waiting, lambda one: one.begin_ocr(), spent).run(pool):
                assert isinstance(after, Made | Lost), "a document waits for OCR once"
                yield after

    def _progress(self, item: Item, spool: Spool) -> Progress:
        document, settings = item.document, self._settings
        if item.source is None:
            raise ValueError(f"{document.key}: parsing needs a local copy of the object")
        reader = FORMATS[document.media_type].reader
        if reader != "pages":
            extra: tuple[object, ...] = (self._opening(),) if reader in _OPENED else ()
            if reader == "mail":
                extra += (Limits(settings.attachments, settings.worker_output_mb * MEBIBYTE),)
            return WholeProgress(document, item.source, settings, _FUNCTIONS[reader], extra)
        reading = Reading(
            document.media_type,
            settings.layout,
            settings.ocr,
            settings.layout_max_pages,
            settings.password_list,
            Thresholds.from_settings(settings),
            self._picture_reader,
            settings.docling_models if settings.layout else "",
        )
        checkpoint = item.checkpoint if settings.checkpoint_seconds else None
        pages = PagesProgress(document, item.source, settings, reading, spool, checkpoint)
        return FiguresProgress(pages, document, item.source, settings)

    def _opening(self) -> Opening:
        found = find_libreoffice(self._settings.libreoffice)
        return Opening(self._settings.password_list, found.program if found else "", FigureLimits.from_settings(self._settings))

    def _check(self) -> None:
        """Raise `ConfigurationError` before the first document where models that the settings ask for are missing."""
        if self._settings.ocr:
            _ = self._picture_reader
        if self._settings.layout and self._settings.docling_models:
            docling_models.check(self._settings.docling_models)

    @cached_property
    def _picture_reader(self) -> PictureReader:
        """Which engines read pictures; raises `ConfigurationError` where a language's data is missing."""
        settings = self._settings
        languages = codes(settings.ocr_languages) if settings.ocr else ()
        return PictureReader(languages, tessdata(languages, settings.tessdata), program(languages), settings.ocr_confidence)

    def _ocr_pool(self) -> WorkerPool:
        settings = self._settings
        full = bool(settings.docling_models and settings.layout)
        memory_mb = settings.worker_memory_mb * (_DOCLING_MEMORY_FACTOR if full else _OCR_MEMORY_FACTOR)
        preload = ("docpipe.parse.preload_torch", *_PRELOAD) if full else _PRELOAD
        workers = max(1, min(settings.workers, _memory_mb() // memory_mb))
        return WorkerPool(workers, seconds=settings.task_seconds, memory_mb=memory_mb, output_mb=settings.worker_output_mb, preload=preload)


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
