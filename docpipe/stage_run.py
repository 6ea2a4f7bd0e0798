"""Take many documents through one stage: find what is there, do the rest, record every outcome as it falls.

This is where a batch survives: an artifact is stored and entered in the ledger the moment it is made, so that a run
killed at any point resumes with what is missing, and one document's error stays that document's.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from pathlib import Path

from docpipe.artifacts import ArtifactStore
from docpipe.bucket import Bucket
from docpipe.checkpoint import Checkpoint
from docpipe.cost.stage_costs import StageCosts
from docpipe.errors import ArtifactDamaged, BudgetSpent, DocpipeError, DocumentRefused, PermanentError, Superseded, TransientError
from docpipe.fingerprint import Recipe, fingerprint
from docpipe.index.receipts import drop_receipts_of
from docpipe.ledger import Ledger
from docpipe.ledger.actor import act_as, actor
from docpipe.ledger.spending import NO_COST, Cost
from docpipe.losses import Losses
from docpipe.models import Document, DocumentStatus, StageName, StageState, StageStatus
from docpipe.retry import patiently, pause
from docpipe.settings import Settings
from docpipe.source import Sources, superseded
from docpipe.stage import INPUTS, NO_EFFORT, Effort, Item, Lost, Made, Outcome, Stage, counts_of, follows
from docpipe.working_folder import working_folder

IO_THREADS = 16
WINDOW_DOCUMENTS = 500
"""Documents looked up together; local copies of their objects are bounded by `batch_bytes` as well."""

_LAST = list(StageName)[-1]
_GOES_ON = (TransientError, ArtifactDamaged, BudgetSpent)
"""Errors after which another run takes the document up where this one left it."""
NO_WORK = (DocumentStatus.REFUSED, DocumentStatus.QUARANTINED, DocumentStatus.DELETING, DocumentStatus.DELETED)


@dataclass(frozen=True, slots=True)
class StageResult:
    """How one document left the stage."""

    document: Document
    fingerprint: str = ""
    reused: bool = False
    """The artifact was already there."""
    counts: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    error: Exception | None = None
    effort: Effort = NO_EFFORT
    """All attempts of this run together."""
    cost_usd: float | None = None
    """Of providers and of our own machines, by the price table; None where neither has a price."""
    attempts: int = 1
    """In this run."""


@dataclass(frozen=True, slots=True)
class _Work:
    """One document that the stage has to do."""

    document: Document
    recipe: Recipe
    inputs: tuple[str, ...]
    source: Path | None = None

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.recipe, self.inputs)


class StageRun:
    """One stage over the documents of one run."""

    def __init__(
        self, stage: Stage, ledger: Ledger, artifacts: ArtifactStore, bucket: Bucket, settings: Settings, run_id: str = ""
    ) -> None:
        self.stage = stage
        self._ledger = ledger
        self._artifacts = artifacts
        self._sources = Sources(bucket, artifacts)
        self._settings = settings
        self._run_id = run_id
        # Before any work: a price that is missing is missing for every document.
        self._costs = StageCosts(settings, ledger, stage.name)
        self._losses = Losses(stage.name, ledger, artifacts, self._costs, settings, run_id)

    def run(self, keys: Sequence[str]) -> Iterator[StageResult]:
        """Yield a result for every document that the stage could take on, in order of completion.

        Documents whose earlier stage is not complete in their current generation are passed over: the stage where
        they fell has reported them. A `ConfigurationError` ends the run; what was done stays done.
        """
        with self._costs, ThreadPoolExecutor(IO_THREADS, initializer=act_as, initargs=(actor(),)) as threads:
            for window in self._windows(keys):
                yield from self._run_window(window, threads)

    def _windows(self, keys: Sequence[str]) -> Iterator[list[Document]]:
        remaining = iter(dict.fromkeys(keys))
        while page := list(islice(remaining, WINDOW_DOCUMENTS)):
            documents = self._ledger.documents(page)
            window: list[Document] = []
            size = 0
            for document in (documents[key] for key in page if key in documents):
                if window and self.stage.name is StageName.PARSED_PAGES and size + document.size > self._settings.batch_bytes:
                    yield window
                    window, size = [], 0
                window.append(document)
                size += document.size
            yield window

    def _run_window(self, documents: list[Document], threads: ThreadPoolExecutor) -> Iterator[StageResult]:
        refused = [document for document in documents if document.status in NO_WORK]
        for document in refused:
            yield StageResult(document, error=DocumentRefused(document.error or f"the document is {document.status}"))
        states = self._ledger.stage_states([document.key for document in documents])
        works = [work for document in documents if document not in refused if (work := self._work(document, states))]
        with ExitStack() as stack:
            done, todo = self._find(works, states, threads)
            yield from done
            if self.stage.name is StageName.PARSED_PAGES and todo:
                folder = stack.enter_context(working_folder("docpipe-sources-"))
                lost, todo = self._acquire(todo, folder, threads)
                yield from lost
                done, todo = self._find(todo, states, threads)
                yield from done
            if self.stage.name is _LAST:
                lost, todo = self._forget_receipts(todo, states, threads)
                yield from lost
            yield from self._make(todo, states)

    def _work(self, document: Document, states: Mapping[tuple[str, StageName], StageState]) -> _Work | None:
        """What has to be made of the document; None when an input is not there in this generation."""
        if self._fell_already(document, states):
            return None
        inputs: list[str] = []
        for name in INPUTS[self.stage.name]:
            state = states.get((document.key, name))
            if state is None or not state.is_complete_for(document):
                return None
            inputs.append(state.fingerprint)
        if self.stage.name is StageName.PARSED_PAGES and document.content_sha256:
            inputs.append(document.content_sha256)
        return _Work(document, self.stage.recipe(document), tuple(inputs))

    def _fell_already(self, document: Document, states: Mapping[tuple[str, StageName], StageState]) -> bool:
        """Whether the document fell at another stage of this very run: a stage beside that one must not take it up again."""
        others = (
            states.get((document.key, name)) for name in StageName if name is not self.stage.name and not follows(name, self.stage.name)
        )
        return any(
            state.status is StageStatus.FAILED and state.generation == document.generation and state.run_id == self._run_id
            for state in others
            if state
        )

    def _find(
        self, works: Sequence[_Work], states: Mapping[tuple[str, StageName], StageState], threads: ThreadPoolExecutor
    ) -> tuple[list[StageResult], list[_Work]]:
        """Split into what is settled, found or out of reach, and what has to be made."""
        settled: list[StageResult] = []
        todo: list[_Work] = []
        for work, found in zip(works, threads.map(partial(self._look, states), works), strict=True):
            document, state = work.document, states.get((work.document.key, self.stage.name))
            if found is None:
                todo.append(work)
            elif isinstance(found, DocpipeError):
                settled.append(self._lost(work, Lost(document.key, found)))
            else:
                current = state is not None and self._is_current(state, work)
                # A document that was queued again, and has a current receipt, is indexed all the same.
                if not current or (self.stage.name is _LAST and document.status is not DocumentStatus.INDEXED):
                    self._ledger.remember_recipe(work.recipe)
                    self._complete(work, found, (state.seconds if current and state else None) or 0.0)
                settled.append(StageResult(document, work.fingerprint, reused=True, counts=found))
        return settled, todo

    def _look(self, states: Mapping[tuple[str, StageName], StageState], work: _Work) -> Mapping[str, int] | DocpipeError | None:
        """What the stored artifact holds, or why the store does not say; None when it is not there or damaged."""
        if not work.inputs:
            return None
        name, key = self.stage.name, work.document.key
        try:
            if not patiently(partial(self._artifacts.exists, name, key, work.fingerprint), self._settings.max_attempts):
                return None
            state = states.get((key, name))
            if state and state.status is StageStatus.COMPLETE and state.fingerprint == work.fingerprint:
                # Of an older generation, perhaps: the same fingerprint is the same artifact.
                return state.counts
            return counts_of(name, self._artifacts.load(name, key, work.fingerprint))
        except ArtifactDamaged:
            return None
        except (TransientError, PermanentError) as error:
            return error

    def _is_current(self, state: StageState, work: _Work) -> bool:
        return state.is_complete_for(work.document) and state.fingerprint == work.fingerprint

    def _acquire(self, works: Sequence[_Work], folder: Path, threads: ThreadPoolExecutor) -> tuple[list[StageResult], list[_Work]]:
        """Copy the objects and attachments of a window to local files and learn their sha256."""

        def one(number: int, work: _Work) -> StageResult | _Work:
            document, path = work.document, folder / str(number)
            try:
                sha256 = patiently(partial(self._sources.copy, document, path), self._settings.max_attempts)
            except (TransientError, PermanentError, Superseded) as error:
                return self._lost(work, Lost(document.key, error))
            self._ledger.set_content(document.key, document.generation, sha256)
            return _Work(document, work.recipe, (sha256,), path)

        lost: list[StageResult] = []
        acquired: list[_Work] = []
        for result in threads.map(one, range(len(works)), works):
            if isinstance(result, StageResult):
                lost.append(result)
            else:
                acquired.append(result)
        return lost, acquired

    def _forget_receipts(
        self, works: Sequence[_Work], states: Mapping[tuple[str, StageName], StageState], threads: ThreadPoolExecutor
    ) -> tuple[list[StageResult], list[_Work]]:
        """Drop the receipts that stop being true when these documents are written: those of the same collection.

        Without this, a setting that is changed and changed back would find the first receipt, and the points of the second stay.
        """

        def one(work: _Work) -> StageResult | _Work:
            document, state = work.document, states.get((work.document.key, _LAST))
            # A generation that was never indexed has none.
            if state and state.generation == document.generation:
                collection = str(work.recipe.parameters.get("collection", ""))
                try:
                    patiently(partial(drop_receipts_of, self._artifacts, document.key, collection), self._settings.max_attempts)
                except (TransientError, PermanentError) as error:
                    return self._lost(work, Lost(document.key, error))
            return work

        results = list(threads.map(one, works))
        return [one for one in results if isinstance(one, StageResult)], [one for one in results if isinstance(one, _Work)]

    def _make(self, works: Sequence[_Work], states: Mapping[tuple[str, StageName], StageState]) -> Iterator[StageResult]:
        """Do the work in rounds: what failed transiently in one is tried again in the next."""
        pending = {work.document.key: work for work in works}
        before = {key: states.get((key, self.stage.name)) for key in pending}
        unfinished = {key for key, state in before.items() if state and state.fingerprint == pending[key].fingerprint}
        efforts: dict[str, Effort] = {}
        for recipe in {work.recipe.hash: work.recipe for work in works}.values():
            self._ledger.remember_recipe(recipe)
        for attempt in range(1, self._settings.max_attempts + 1):
            if not pending:
                return
            begun = {key: (work.document.generation, work.fingerprint, work.recipe.hash) for key, work in pending.items()}
            started = self._ledger.start(self.stage.name, begun, self._run_id)
            for key in pending.keys() - set(started):
                work = pending.pop(key)
                yield self._lost(work, Lost(key, superseded(work.document)))
            wait = 0.0
            checkpoints = {key: self._checkpoint(work, begun=attempt > 1 or key in unfinished) for key, work in pending.items()}
            for outcome in self._process(list(pending.values()), checkpoints):
                work = pending[outcome.key]
                # An attempt that failed was paid for as well.
                effort = efforts[outcome.key] = efforts.get(outcome.key, NO_EFFORT) + outcome.effort
                outcome = replace(outcome, effort=effort)
                result = self._store(work, outcome) if isinstance(outcome, Made) else outcome
                if isinstance(result, Lost) and isinstance(result.error, TransientError) and attempt < self._settings.max_attempts:
                    wait = max(wait, pause(attempt, result.error))
                    continue
                del pending[outcome.key]
                done = self._lost(work, replace(result, effort=effort)) if isinstance(result, Lost) else result
                if not isinstance(done.error, _GOES_ON):
                    # Of a document that failed for good, what was kept may be why: its next try, if somebody wants one, begins anew.
                    checkpoints[outcome.key].remove()
                yield replace(done, attempts=attempt)
            if pending:
                time.sleep(wait)

    def _checkpoint(self, work: _Work, *, begun: bool) -> Checkpoint:
        return Checkpoint(self._artifacts, self.stage.name, work.document.key, work.fingerprint, begun=begun)

    def _process(self, works: Sequence[_Work], checkpoints: Mapping[str, Checkpoint]) -> Iterator[Outcome]:
        """The stage's outcomes, at most one for each document and exactly one in the end."""
        items = [Item(work.document, self._loaders(work), work.source, checkpoints[work.document.key]) for work in works]
        open_keys = {work.document.key for work in works}
        for outcome in self.stage.process(items):
            open_keys.remove(outcome.key)
            yield outcome
        for key in open_keys:
            yield Lost(key, TransientError(f"{self.stage.name} ended without a word on this document"))

    def _loaders(self, work: _Work) -> dict[StageName, Callable[[], bytes]]:
        names = INPUTS[self.stage.name]
        return {
            name: partial(self._artifacts.load, name, work.document.key, found) for name, found in zip(names, work.inputs, strict=False)
        }

    def _store(self, work: _Work, made: Made) -> StageResult | Lost:
        """Keep the parts, then the artifact, then say so in the ledger: in this order, a kill between two of them costs no work.

        What was kept on the way goes after that.
        """
        document = work.document
        try:
            for part in made.parts:
                self._artifacts.save_part(self.stage.name, document.key, work.fingerprint, part.read_bytes())
            self._artifacts.save(self.stage.name, document.key, work.fingerprint, made.data)
        except (TransientError, PermanentError) as error:
            return Lost(document.key, error, made.seconds)
        cost = self._costs.of(made.effort)
        current = self._complete(work, made.counts, made.seconds, cost)
        if not current:
            return Lost(document.key, superseded(document), made.seconds)
        self._costs.add(made.effort)
        found = StageResult(document, work.fingerprint, counts=made.counts, seconds=made.seconds)
        return replace(found, effort=made.effort, cost_usd=cost.cost_usd)

    def _complete(self, work: _Work, counts: Mapping[str, int], seconds: float, cost: Cost = NO_COST) -> bool:
        document, name = work.document, self.stage.name
        done = (document.key, document.generation, work.fingerprint, work.recipe.hash)
        return self._ledger.complete(name, *done, dict(counts), seconds, self._run_id, cost)

    def _lost(self, work: _Work, lost: Lost) -> StageResult:
        cost = self._losses.enter(work.document, work.fingerprint, work.recipe.hash, lost)
        return StageResult(work.document, seconds=lost.seconds, error=lost.error, effort=lost.effort, cost_usd=cost.cost_usd)
