"""The stage `enriched_chunks`, offline."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from importlib.metadata import version

import numpy as np
from numpy.typing import NDArray

from docpipe.embed.embedder import Embedder, open_embedder
from docpipe.embed.model import find_model
from docpipe.enrich.classes import BEGINNING_TOKENS, LEAST_LEAD, LEAST_SIMILARITY, choose, opening
from docpipe.errors import ArtifactDamaged, ConfigurationError, DocpipeError, EmbeddingInvalid, TransientError
from docpipe.fingerprint import Recipe
from docpipe.isolate import Task, WorkerPool
from docpipe.models import Document, EnrichedDocument, StageName
from docpipe.pooled import Answered, run_items
from docpipe.settings import MEBIBYTE, Settings
from docpipe.stage import Item, Lost, Made, Outcome

CODE_VERSION = "1"

_GROUP_DOCUMENTS = 256
_GROUP_BYTES = 64 * MEBIBYTE
"""Documents wait for each other to be embedded together, so that a batch takes one call; up to here."""


class EnrichStage:
    """Analyses the text of each document in a worker process, and compares its beginning with the labels in this one."""

    name = StageName.ENRICHED_CHUNKS

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def recipe(self, document: Document) -> Recipe:  # noqa: ARG002 - the same for every document
        """Raises `ModelMissing` where there are labels and the embedder cannot be found."""
        labels = self._settings.label_names
        model = find_model(self._settings) if labels else None
        return Recipe(
            stage=self.name,
            code_version=CODE_VERSION,
            parameters={
                "labels": list(labels),
                "key_phrases": self._settings.key_phrases,
                "class_limits": [BEGINNING_TOKENS, LEAST_SIMILARITY, LEAST_LEAD],
                "py3langid": version("py3langid"),
                "stopwordsiso": version("stopwordsiso"),
            },
            models={model.name: model.sha256} if model else {},
        )

    def process(self, items: Sequence[Item]) -> Iterator[Outcome]:
        """Yield each document once its group of up to 256 is complete."""
        if not items:
            return
        classifier = _Classifier(self._settings)
        waiting: list[Answered] = []
        size = 0
        with WorkerPool.from_settings(self._settings, preload=("docpipe.enrich.worker",)) as pool:
            for done in run_items(pool, items, self._task):
                if isinstance(done, Lost):
                    yield done
                    continue
                waiting.append(done)
                size += len(done.body)
                if len(waiting) == _GROUP_DOCUMENTS or size >= _GROUP_BYTES:
                    yield from classifier.finish(waiting)
                    waiting, size = [], 0
        yield from classifier.finish(waiting)

    def _task(self, item: Item) -> Task:
        return Task(item.document.key, "docpipe.enrich.worker:enrich", (item.inputs[StageName.CHUNKS](), self._settings.key_phrases))


_Vector = NDArray[np.float32] | DocpipeError


class _Classifier:
    """Adds the document class; opens the embedder when it is first needed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._labels: NDArray[np.float32] | None = None

    def finish(self, group: Sequence[Answered]) -> Iterator[Outcome]:
        """Yield the outcomes of a group."""
        started = time.monotonic()
        beginnings = [str(one.header.get("beginning", "")) for one in group]
        if not self._settings.label_names or not any(text.strip() for text in beginnings):
            yield from (self._outcome(one, None, 0.0) for one in group)
            return
        embedder = open_embedder(self._settings)
        window = embedder.model.window - embedder.model.special_tokens
        texts = [opening(text, embedder.model.tokenizer(), window) for text in beginnings]
        vectors = self._embed(embedder, texts)
        share = (time.monotonic() - started) / len(group)
        for one, text, vector in zip(group, texts, vectors, strict=True):
            yield self._outcome(one, vector if text.strip() else None, share)

    def _embed(self, embedder: Embedder, texts: Sequence[str]) -> Sequence[_Vector]:
        """A vector for each text, or why there is none."""
        try:
            if self._labels is None:
                self._labels = _label_vectors(embedder, self._settings.label_names)
            return _embed(embedder, texts)
        except TransientError as error:
            return [error] * len(texts)

    def _outcome(self, one: Answered, vector: _Vector | None, share: float) -> Outcome:
        if isinstance(vector, DocpipeError):
            return Lost(one.key, vector, one.seconds + share)
        try:
            enriched = EnrichedDocument.from_bytes(one.body)
        except ArtifactDamaged as error:
            return Lost(one.key, error, one.seconds)
        if vector is not None and self._labels is not None:
            name, scores = choose(vector, self._labels, self._settings.label_names)
            enriched = enriched.model_copy(update={"document_class": name, "class_scores": scores})
        return Made(one.key, enriched.to_bytes(), enriched.counts, one.seconds + share)


def _embed(embedder: Embedder, texts: Sequence[str]) -> list[_Vector]:
    """A vector for each text, or why the model can make none."""
    try:
        return list(embedder.embed(texts))
    except EmbeddingInvalid as error:
        return [error] if len(texts) == 1 else [vector for text in texts for vector in _embed(embedder, [text])]


def _label_vectors(embedder: Embedder, names: Sequence[str]) -> NDArray[np.float32]:
    try:
        return embedder.embed(names)
    except EmbeddingInvalid as error:
        raise ConfigurationError(f"DOCPIPE_LABELS cannot be embedded ({error}): use short names of document classes") from error
