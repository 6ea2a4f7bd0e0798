"""The stage `embeddings`: one vector a chunk, for all documents of a batch together."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property

from docpipe.cost.till import paid_for
from docpipe.embed.contract import BatchEmbedder
from docpipe.embed.embedder import open_embedder
from docpipe.embed.model import EmbeddingModel, find_model
from docpipe.embed.progress import EmbedProgress
from docpipe.embed.window import Results, Window
from docpipe.errors import ConfigurationError, TransientError
from docpipe.fingerprint import Recipe
from docpipe.inputs import Loaded, load_inputs
from docpipe.models import ChunkedDocument, Document, StageName
from docpipe.settings import Settings
from docpipe.stage import Item, Lost, Outcome

CODE_VERSION = "1"


class EmbedStage:
    """Embeds the chunks of many documents at once, sorted by length, in bounded memory."""

    name = StageName.EMBEDDINGS

    def __init__(self, settings: Settings, opener: Callable[[Settings], BatchEmbedder] = open_embedder) -> None:
        self._settings = settings
        self._opener = opener

    def recipe(self, document: Document) -> Recipe:  # noqa: ARG002 - the same for every document
        """The model and its prompt decide the vectors; the backend and its precision do not belong here.

        bf16 and f32, CPU and CUDA agree to a cosine above 0.9995, which changes no ranking that matters. In the recipe they
        would make a vector from a GPU worker look stale to every machine without a GPU.
        """
        model = self._model
        parameters: dict[str, object] = {"dimension": model.dimension, "pooling": model.pooling}
        # Left out where there is none, so that vectors without a prompt stay what they are.
        if model.passage_prompt:
            parameters["passage_prompt"] = model.passage_prompt
        return Recipe(self.name, CODE_VERSION, parameters, {model.name: model.sha256})

    def process(self, items: Sequence[Item]) -> Iterator[Outcome]:
        batch = _Batch(self._settings, self._model, self._opener, len(items))
        for loaded in load_inputs(items):
            yield from batch.add(loaded)
        yield from batch.embed()

    @cached_property
    def _model(self) -> EmbeddingModel:
        return find_model(self._settings)


class _Batch:
    """The documents of one run on their way, a window at a time."""

    def __init__(self, settings: Settings, model: EmbeddingModel, opener: Callable[[Settings], BatchEmbedder], documents: int) -> None:
        self._settings = settings
        self._model = model
        self._opener = opener
        self._progress = EmbedProgress(documents)
        self._window = self._new_window()
        self._away: TransientError | None = None

    def add(self, loaded: Loaded) -> Iterator[Outcome]:
        """Take a document into the window, which is embedded when it is full."""
        key, began = loaded.item.document.key, time.perf_counter()
        error = loaded.error
        if error is None:
            try:
                document = ChunkedDocument.from_bytes(loaded.data[StageName.CHUNKS])
            except Exception as broken:  # noqa: BLE001 - a stage answers for every document, whatever is wrong with it
                error = broken
        if error is not None:
            self._progress.read(0)
            yield Lost(key, error, loaded.seconds + time.perf_counter() - began)
            return
        self._window.enter(key, document, loaded.seconds + time.perf_counter() - began)
        self._progress.read(len(document.chunks))
        if self._window.is_full:
            yield from self.embed()

    def embed(self) -> Iterator[Outcome]:
        """Embed what is in the window, and begin another."""
        window, self._window = self._window, self._new_window()
        results = window.begin()
        yield from results.without_chunks()
        if window.texts and self._away is None:
            yield from self._embed(window, results)
        if self._away is not None:
            yield from results.lose(self._away)

    def _embed(self, window: Window, results: Results) -> Iterator[Outcome]:
        # Neighbours in length make full batches.
        order = sorted(range(len(window.texts)), key=lambda slot: window.lengths[slot])
        # Opened only here: documents without chunks cost no model.
        try:
            embedder = self._opener(self._settings)
        except TransientError as error:
            self._away = error
            return
        if embedder.model != self._model:
            # The recipe of these artifacts is written already.
            raise ConfigurationError(f"the embedding model {self._model.name} was replaced during the run: run again")
        parts = embedder.embed_parts([window.texts[slot] for slot in order])
        while True:
            began, cpu_before = time.perf_counter(), time.process_time()
            try:
                with paid_for(StageName.EMBEDDINGS):
                    part = next(parts, None)
            except TransientError as error:
                # It concerns all texts, so the documents behind these need not ask.
                self._away = error
                return
            if part is None:
                return
            slots = [order[place] for place in part.places]
            made = 0 if part.cached or part.error else len(slots)
            tokens = sum(window.lengths[slot] for slot in slots) if made else 0
            self._progress.advance(results.uses(slots), made, tokens)
            yield from results.take(slots, part, time.perf_counter() - began, time.process_time() - cpu_before)

    def _new_window(self) -> Window:
        return Window(self._model, counts_cached=self._settings.embed_cache_mb > 0)
