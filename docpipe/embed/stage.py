"""The stage `embeddings`: one vector a chunk, for all documents of a batch together."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from docpipe.embed.embedder import Embedder, open_embedder
from docpipe.embed.model import EmbeddingModel, find_model
from docpipe.errors import DocpipeError, EmbeddingInvalid, TransientError
from docpipe.fingerprint import Recipe
from docpipe.inputs import Loaded, load_inputs
from docpipe.models import ChunkedDocument, Document, EmbeddedDocument, StageName
from docpipe.settings import Settings
from docpipe.stage import Item, Lost, Made, Outcome

CODE_VERSION = "1"

WINDOW_CHUNKS = 20_000
"""Chunks sorted together: with their vectors about 60 MB, and enough for lengths to match."""
SLICE_CHUNKS = 256
"""Chunks handed to the embedder at once; documents are done slice by slice."""


@dataclass(frozen=True, slots=True)
class _Entered:
    """One document of a window: where its texts stand among the window's texts."""

    key: str
    slots: tuple[int, ...]
    """For every chunk, the place of its text; the same text has the same place."""
    tokens: int
    seconds: float
    """Spent on loading it."""


class EmbedStage:
    """Embeds the chunks of many documents at once, sorted by length, in bounded memory."""

    name = StageName.EMBEDDINGS

    def __init__(self, settings: Settings, opener: Callable[[Settings], Embedder] = open_embedder) -> None:
        self._settings = settings
        self._opener = opener

    def recipe(self, document: Document) -> Recipe:  # noqa: ARG002 - the same for every document
        """The model decides the vectors; the backend and its precision do not belong here.

        bf16 and f32, CPU and CUDA agree to a cosine above 0.9995, which changes no ranking that matters. In the recipe they
        would make a vector from a GPU worker look stale to every machine without a GPU.
        """
        model = self._model
        parameters = {"dimension": model.dimension, "pooling": model.pooling}
        return Recipe(self.name, CODE_VERSION, parameters, {model.name: model.sha256})

    def process(self, items: Sequence[Item]) -> Iterator[Outcome]:
        texts: dict[str, int] = {}
        lengths: list[int] = []
        window: list[_Entered] = []
        chunks = 0
        for loaded in load_inputs(items):
            one = _enter(loaded, texts, lengths)
            if isinstance(one, Lost):
                yield one
                continue
            window.append(one)
            chunks += len(one.slots)
            if chunks >= WINDOW_CHUNKS:
                yield from self._embed_window(window, list(texts), lengths)
                texts, lengths, window, chunks = {}, [], [], 0
        yield from self._embed_window(window, list(texts), lengths)

    @cached_property
    def _model(self) -> EmbeddingModel:
        return find_model(self._settings)

    def _embed_window(self, window: Sequence[_Entered], texts: Sequence[str], lengths: Sequence[int]) -> Iterator[Outcome]:
        vectors = np.empty((len(texts), self._model.dimension), dtype=np.float32)
        uses = np.bincount([slot for one in window for slot in one.slots], minlength=len(texts))
        seconds = np.zeros(len(texts))
        errors: dict[int, DocpipeError] = {}
        waiting: dict[int, list[_Entered]] = defaultdict(list)
        missing = {one.key: len(set(one.slots)) for one in window}
        for one in window:
            for slot in set(one.slots):
                waiting[slot].append(one)
            if not one.slots:
                yield self._outcome(one, vectors, seconds, errors)
        if not texts:
            return
        # Opened only here: documents without chunks cost no model.
        embedder = self._opener(self._settings)
        # Neighbours in length make full batches.
        order = sorted(range(len(texts)), key=lambda slot: lengths[slot])
        for start in range(0, len(order), SLICE_CHUNKS):
            slots = order[start : start + SLICE_CHUNKS]
            began = time.perf_counter()
            _embed_slots(embedder, texts, slots, vectors, errors)
            spent = time.perf_counter() - began
            tokens = sum(lengths[slot] for slot in slots) or 1
            for slot in slots:
                seconds[slot] = spent * lengths[slot] / tokens / uses[slot]
                for one in waiting.pop(slot):
                    missing[one.key] -= 1
                    if not missing[one.key]:
                        yield self._outcome(one, vectors, seconds, errors)

    def _outcome(
        self, one: _Entered, vectors: NDArray[np.float32], seconds: NDArray[np.float64], errors: dict[int, DocpipeError]
    ) -> Outcome:
        slots = np.array(one.slots, dtype=np.intp)
        spent = one.seconds + float(seconds[slots].sum())
        error = next((errors[slot] for slot in one.slots if slot in errors), None)
        if error is not None:
            return Lost(one.key, error, spent)
        embedded = EmbeddedDocument(self._model.name, vectors[slots], one.tokens)
        return Made(one.key, embedded.to_bytes(), embedded.counts, spent)


def _enter(loaded: Loaded, texts: dict[str, int], lengths: list[int]) -> _Entered | Lost:
    """Add a document's texts to the window; nothing else of it stays in memory."""
    key, began = loaded.item.document.key, time.perf_counter()
    error = loaded.error
    if error is None:
        try:
            document = ChunkedDocument.from_bytes(loaded.data[StageName.CHUNKS])
        except Exception as broken:  # noqa: BLE001 - a stage answers for every document, whatever is wrong with it
            error = broken
    if error is not None:
        return Lost(key, error, loaded.seconds + time.perf_counter() - began)
    slots = []
    for chunk in document.chunks:
        text = chunk.embedding_text
        if text not in texts:
            texts[text] = len(lengths)
            lengths.append(max(1, chunk.tokens))
        slots.append(texts[text])
    return _Entered(key, tuple(slots), document.counts["tokens"], loaded.seconds + time.perf_counter() - began)


def _embed_slots(
    embedder: Embedder, texts: Sequence[str], slots: Sequence[int], vectors: NDArray[np.float32], errors: dict[int, DocpipeError]
) -> None:
    """Embed some texts; where that fails, halve until the texts at fault stand alone."""
    try:
        vectors[slots] = embedder.embed([texts[slot] for slot in slots])
    except (EmbeddingInvalid, TransientError) as error:
        if len(slots) == 1:
            errors[slots[0]] = error
            return
        middle = len(slots) // 2
        _embed_slots(embedder, texts, slots[:middle], vectors, errors)
        _embed_slots(embedder, texts, slots[middle:], vectors, errors)
