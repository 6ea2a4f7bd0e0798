"""Have the pictures of parsed documents described, and their unreadable pages transcribed, many requests at a time."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from docpipe.artifacts import ArtifactStore
from docpipe.bucket import open_bucket
from docpipe.cost.usage import Usage, total
from docpipe.describe.answers import Answers
from docpipe.describe.openai_server import OpenAIVisionModel
from docpipe.describe.prompt import Prompt
from docpipe.describe.vision_model import Said, VisionModel
from docpipe.errors import ArtifactDamaged, BudgetSpent, ConfigurationError, DocpipeError, PermanentError, TransientError
from docpipe.isolate import Task, WorkerPool
from docpipe.models import ParsedDocument, ParsedHead
from docpipe.render import Look, PagePictures
from docpipe.retry import patiently
from docpipe.settings import Settings
from docpipe.stage import Effort, Item, Lost, Made, Outcome

_PAGE_LOOK = Look(dpi=150)
_Name = TypeVar("_Name", str, int)
_PRELOAD = ("docpipe.parse.preload", "docling_core.types.doc")


def open_descriptions(settings: Settings) -> Descriptions | None:
    """Descriptions by the configured model; None where there is none."""
    if not settings.vision_url:
        return None
    artifacts = ArtifactStore(open_bucket(settings.artifacts_url, settings))
    return Descriptions(settings, OpenAIVisionModel(settings), Answers(artifacts, settings.vision_model))


@dataclass(slots=True)
class _Job:
    """One document that waits for answers."""

    item: Item
    made: Made
    """Its data lies in `stored` meanwhile."""
    stored: Path
    head: ParsedHead
    figures: dict[str, Future[Said]] = field(default_factory=dict)
    """By the reference of their picture."""
    pages: dict[int, Future[Said]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    given_up: threading.Event = field(default_factory=threading.Event)
    cause: DocpipeError | None = None
    """Why it was given up."""

    @property
    def open_questions(self) -> int:
        return sum(not one.done() for one in self._questions)

    @property
    def usage(self) -> Usage:
        """Paid for in this run: what was found costs nothing."""
        done = (one for one in self._questions if one.done() and not one.cancelled() and one.exception() is None)
        return total(one.result().usage for one in done)

    @property
    def _questions(self) -> Iterator[Future[Said]]:
        yield from self.figures.values()
        yield from self.pages.values()


class Descriptions:
    """Takes the outcomes of parsing and passes them on, described; used once."""

    def __init__(self, settings: Settings, model: VisionModel, answers: Answers) -> None:
        self._settings = settings
        self._model = model
        self._answers = answers
        self._most = 2 * settings.vision_requests
        """Questions that may wait for an answer while more are made ready."""

    def added_to(self, outcomes: Iterable[Outcome], items: Mapping[str, Item], folder: Path) -> Iterator[Outcome]:
        """Yield every outcome; documents with something to describe come last, when parsing needs no worker any more.

        A picture that the model refuses costs a warning. Where the model cannot be reached the document is lost with a
        `TransientError`: without its descriptions the artifact would not be what its recipe says. Answers already given
        are found again. Raises `ConfigurationError` for a wrong key or model.
        """
        waiting: list[_Job] = []
        try:
            for outcome in outcomes:
                job = self._job(outcome, items[outcome.key], folder / f"{len(waiting)}.parsed") if isinstance(outcome, Made) else None
                if job is None:
                    yield outcome
                elif isinstance(job, Lost):
                    yield job
                else:
                    waiting.append(job)
            if waiting:
                yield from self._describe(waiting)
        finally:
            self._model.close()

    def _job(self, made: Made, item: Item, stored: Path) -> _Job | Lost | None:
        try:
            head = ParsedDocument.head_of(made.data)
        except ArtifactDamaged as error:
            return Lost(made.key, PermanentError(f"the worker's answer makes no sense: {error}"), made.seconds)
        if not head.figures and not any(page.unread for page in head.pages):
            return None
        # A batch of books would not fit in memory while it waits.
        stored.write_bytes(made.data)
        return _Job(item, replace(made, data=b""), stored, head)

    def _describe(self, jobs: Iterable[_Job]) -> Iterator[Outcome]:
        under_way: deque[_Job] = deque()
        threads = ThreadPoolExecutor(self._settings.vision_requests, thread_name_prefix="docpipe-vision")
        try:
            with PagePictures(self._settings) as pictures, WorkerPool.from_settings(self._settings, preload=_PRELOAD) as pool:
                for job in jobs:
                    self._ask(job, threads, pictures)
                    under_way.append(job)
                    while under_way and sum(one.open_questions for one in under_way) >= self._most:
                        yield self._written(under_way.popleft(), pool)
                while under_way:
                    yield self._written(under_way.popleft(), pool)
        finally:
            for job in under_way:
                job.given_up.set()
            threads.shutdown(cancel_futures=True)

    def _ask(self, job: _Job, threads: ThreadPoolExecutor, pictures: PagePictures) -> None:
        files = {path.name: path for path in job.made.parts}
        for figure in job.head.figures:
            if figure.sha256 in files:
                look = partial(files[figure.sha256].read_bytes)
                job.figures[figure.reference] = threads.submit(self._answer, job, Prompt.FIGURE, look)
        unread = [page.number for page in job.head.pages if page.unread]
        assert job.item.source is not None
        for picture in pictures.pages(job.item.source, job.item.document.media_type, unread, _PAGE_LOOK):
            if picture.error is not None:
                job.warnings.append(f"page {picture.number}: no picture of it for the vision model: {picture.error}")
                continue
            job.pages[picture.number] = threads.submit(self._answer, job, Prompt.PAGE, partial(bytes, picture.data))
            # Pages are rendered faster than any model looks at them: the pictures of a long document must not pile up.
            if len(unanswered := [one for one in job.pages.values() if not one.done()]) >= self._most:
                wait(unanswered, return_when=FIRST_COMPLETED)
            if job.given_up.is_set():
                break

    def _answer(self, job: _Job, prompt: Prompt, look: partial[bytes]) -> Said:
        """The answer found or given; runs in a thread."""
        if job.given_up.is_set():
            raise CancelledError
        picture, key, attempts = look(), job.item.document.key, self._settings.max_attempts
        kept = patiently(partial(self._answers.find, key, prompt, picture), attempts)
        if kept is not None:
            return Said(kept)
        media_type = "image/jpeg" if picture.startswith(b"\xff\xd8") else "image/png"
        try:
            said = patiently(partial(self._model.ask, prompt, picture, media_type), attempts)
            patiently(partial(self._answers.keep, key, prompt, picture, said.text), attempts)
        except (TransientError, ConfigurationError, BudgetSpent) as error:
            # The server is away, or wants another key, or money: the document's other pictures need not wait for it one by one.
            job.cause = job.cause or error
            job.given_up.set()
            raise
        return said

    def _written(self, job: _Job, pool: WorkerPool) -> Outcome:
        """The document with its answers, once they are all there."""
        try:
            descriptions = self._answers_to(job, job.figures, "figure")
            transcriptions = self._answers_to(job, job.pages, "page")
        except ConfigurationError:
            raise
        except (DocpipeError, OSError) as error:
            return Lost(job.made.key, error, job.made.seconds, job.made.effort + Effort(usage=job.usage))
        arguments = (str(job.stored), self._model.name, descriptions, transcriptions)
        (result,) = pool.run([Task(job.made.key, "docpipe.describe.writing:write", arguments)])
        seconds, usage = job.made.seconds + result.seconds, job.usage
        effort = job.made.effort + Effort(result.cpu_seconds, usage=usage)
        if result.answer is None:
            return Lost(job.made.key, result.error or PermanentError("the worker gave no answer"), seconds, effort)
        header, data = result.answer
        try:
            counts = {str(name): int(count) for name, count in header["counts"].items()}
            head = ParsedDocument.head_of(data)
        except (ArtifactDamaged, AttributeError, KeyError, TypeError, ValueError) as broken:
            return Lost(job.made.key, PermanentError(f"the worker's answer makes no sense: {type(broken).__name__}"), seconds, effort)
        warned = head.model_copy(update={"warnings": (*head.warnings, *job.warnings)})
        job.stored.unlink()
        return Made(
            job.made.key,
            ParsedDocument.with_head(data, warned) if job.warnings else data,
            {**job.made.counts, **counts, "vision_tokens": usage.tokens},
            seconds,
            job.made.parts,
            effort,
        )

    def _answers_to(self, job: _Job, questions: Mapping[_Name, Future[Said]], what: str) -> dict[_Name, str]:
        """Wait for the answers; raises the first error that is more than the refusal of one picture."""
        answers: dict[_Name, str] = {}
        failure: Exception | None = None
        for name, future in questions.items():
            try:
                said = future.result()
            except ConfigurationError:
                raise
            except PermanentError as refused:
                job.warnings.append(f"{what} {name} was not described: {refused}"[:500])
            except CancelledError:
                # Given up because of another picture, whose error says more where it is among these.
                failure = failure or job.cause or TransientError("not asked: the vision model did not answer about another picture")
            except (DocpipeError, OSError) as error:
                failure = error
            else:
                answers[name] = said.text
        if failure is not None:
            raise failure
        return answers
