"""The texts of several documents that are embedded together, and what became of them."""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from docpipe.cost.usage import NO_USAGE, total
from docpipe.embed.contract import Part
from docpipe.embed.model import EmbeddingModel
from docpipe.errors import DocpipeError
from docpipe.models import ChunkedDocument, EmbeddedDocument
from docpipe.stage import Effort, Lost, Made, Outcome

MOST_CHUNKS = 20_000
MOST_BYTES = 96 * 1_024 * 1_024
"""Of texts and vectors; enough chunks, whatever the model, for those of one length to fill batches."""


@dataclass(frozen=True, slots=True)
class _Entered:
    """One document: where its texts stand among the window's texts."""

    key: str
    slots: tuple[int, ...]
    """For every chunk, the place of its text; the same text has the same place."""
    own: tuple[int, ...]
    """Places of the texts that no document before it has: it is charged for them."""
    tokens: int
    seconds: float
    """Spent on loading it."""


class Window:
    """Each text once, however many documents have it; a document comes out when its last text is done."""

    def __init__(self, model: EmbeddingModel, counts_cached: bool) -> None:
        """`counts_cached`: whether outcomes say how many chunks cost nothing."""
        self.texts: list[str] = []
        """What the model reads: the passage prompt, then the chunk's text."""
        self.lengths: list[int] = []
        """Tokens of each text, 1 at least."""
        self.chunks = 0
        self._model = model
        self._counts_cached = counts_cached
        self._places: dict[str, int] = {}
        self._documents: list[_Entered] = []
        self._bytes = 0

    @property
    def is_full(self) -> bool:
        return self.chunks >= MOST_CHUNKS or self._bytes >= MOST_BYTES

    def enter(self, key: str, document: ChunkedDocument, seconds: float) -> None:
        """Add a document's texts; nothing else of it stays in memory."""
        began = time.perf_counter()
        slots: list[int] = []
        first = len(self.texts)
        for chunk in document.chunks:
            text = self._model.passage_prompt + chunk.embedding_text
            if text not in self._places:
                self._places[text] = len(self.texts)
                self.texts.append(text)
                self.lengths.append(max(1, chunk.tokens))
                self._bytes += sys.getsizeof(text) + 4 * self._model.dimension
            slots.append(self._places[text])
        own = tuple(range(first, len(self.texts)))
        self.chunks += len(slots)
        self._documents.append(_Entered(key, tuple(slots), own, document.counts["tokens"], seconds + time.perf_counter() - began))

    def begin(self) -> Results:
        """No document is entered any more."""
        return Results(self._model, self._documents, self.lengths, self._counts_cached)


class Results:
    """Collects the vectors of a window, and hands out the documents that are done."""

    def __init__(self, model: EmbeddingModel, documents: Sequence[_Entered], lengths: Sequence[int], counts_cached: bool) -> None:
        self._model = model
        self._counts_cached = counts_cached
        self._lengths = np.array(lengths, dtype=np.int64)
        self._vectors = np.empty((len(lengths), model.dimension), dtype=np.float32)
        self._uses = np.bincount([slot for one in documents for slot in one.slots], minlength=len(lengths))
        self._seconds = np.zeros(len(lengths))
        self._cpu_seconds = np.zeros(len(lengths))
        self._gpu_seconds = np.zeros(len(lengths))
        self._usages = [NO_USAGE] * len(lengths)
        self._cached = np.zeros(len(lengths), dtype=np.bool_)
        self._errors: dict[int, DocpipeError] = {}
        self._waiting: dict[int, list[_Entered]] = defaultdict(list)
        self._open = {one.key: one for one in documents}
        self._missing = {one.key: len(set(one.slots)) for one in documents}
        for one in documents:
            for slot in set(one.slots):
                self._waiting[slot].append(one)

    def without_chunks(self) -> Iterator[Outcome]:
        """Documents that wait for nothing."""
        for key in [key for key, missing in self._missing.items() if not missing]:
            yield self._outcome(self._open.pop(key))

    def uses(self, slots: Sequence[int]) -> int:
        """Chunks that have these texts."""
        return int(self._uses[slots].sum())

    def take(self, slots: Sequence[int], part: Part, seconds: float, cpu_seconds: float = 0.0) -> Iterator[Outcome]:
        """Enter what became of the texts in these places, which took so long; yield the documents that are done with it."""
        places = np.array(slots, dtype=np.intp)
        lengths = self._lengths[places]
        if part.error is None:
            self._vectors[places] = part.vectors
            self._cached[places] = part.cached
        else:
            self._errors.update(dict.fromkeys(slots, part.error))
        weights = lengths / max(1, lengths.sum()) / self._uses[places]
        self._seconds[places] = seconds * weights
        self._cpu_seconds[places] = cpu_seconds * weights
        self._gpu_seconds[places] = seconds * weights * part.on_gpu
        if part.usage.provider:
            for slot, usage in zip(slots, part.shares(lengths.tolist()), strict=True):
                self._usages[slot] = usage
        for slot in slots:
            for one in self._waiting.pop(slot):
                self._missing[one.key] -= 1
                if not self._missing[one.key]:
                    yield self._outcome(self._open.pop(one.key))

    def lose(self, error: DocpipeError) -> Iterator[Outcome]:
        """Give up the documents that are not done."""
        while self._open:
            _, one = self._open.popitem()
            yield Lost(one.key, error, self._spent(one), self._effort(one))

    def _effort(self, one: _Entered) -> Effort:
        slots = list(one.slots)
        usage = total(self._usages[slot] for slot in one.own)
        return Effort(float(self._cpu_seconds[slots].sum()), float(self._gpu_seconds[slots].sum()), usage)

    def _spent(self, one: _Entered) -> float:
        return one.seconds + float(self._seconds[list(one.slots)].sum())

    def _outcome(self, one: _Entered) -> Outcome:
        error = next((self._errors[slot] for slot in one.slots if slot in self._errors), None)
        if error is not None:
            return Lost(one.key, error, self._spent(one), self._effort(one))
        embedded = EmbeddedDocument(self._model.name, self._vectors[list(one.slots)], one.tokens)
        own = list(one.own)
        counts = dict(embedded.counts)
        if self._counts_cached:
            counts["cached"] = len(one.slots) - len(own) + int(self._cached[own].sum())
        if self._model.folder is None:
            counts["billed_tokens"] = sum(self._usages[slot].tokens for slot in own)
        return Made(one.key, embedded.to_bytes(), counts, self._spent(one), effort=self._effort(one))
