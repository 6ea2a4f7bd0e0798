"""The stage `enriched_chunks`, offline."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.metadata import version

import numpy as np
from numpy.typing import NDArray

from docpipe.cost.till import paid_for
from docpipe.embed.contract import BatchEmbedder, Embedder
from docpipe.embed.embedder import open_embedder
from docpipe.embed.model import find_model
from docpipe.enrich.classes import BEGINNING_TOKENS, LEAST_LEAD, LEAST_SIMILARITY, choose, opening
from docpipe.errors import ArtifactDamaged, BudgetSpent, ConfigurationError, DocpipeError, EmbeddingInvalid, TransientError
from docpipe.fingerprint import Recipe
from docpipe.isolate import Task, WorkerPool
from docpipe.models import Document, EnrichedDocument, StageName
from docpipe.pooled import Answered, run_items
from docpipe.settings import MEBIBYTE, Settings
from docpipe.stage import NO_EFFORT, Effort, Item, Lost, Made, Outcome

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


@dataclass(frozen=True, slots=True)
class _Beginning:
    """What became of a document's beginning."""

    vector: NDArray[np.float32] | None = None
    """None where it says nothing, or could not be embedded."""
    error: DocpipeError | None = None
    effort: Effort = NO_EFFORT


class _Classifier:
    """Adds the document class; opens the embedder when it is first needed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._labels: NDArray[np.float32] | None = None

    def finish(self, group: Sequence[Answered]) -> Iterator[Outcome]:
        """Yield the outcomes of a group."""
        started, cpu_before = time.monotonic(), time.process_time()
        texts = [str(one.header.get("beginning", "")) for one in group]
        if not self._settings.label_names or not any(text.strip() for text in texts):
            yield from (replace(self._outcome(one, _Beginning(), 0.0), effort=one.effort) for one in group)
            return
        beginnings = self._embed(texts)
        share, effort = (time.monotonic() - started) / len(group), Effort((time.process_time() - cpu_before) / len(group))
        for one, beginning in zip(group, beginnings, strict=True):
            yield replace(self._outcome(one, beginning, share), effort=one.effort + effort + beginning.effort)

    def _embed(self, texts: Sequence[str]) -> Sequence[_Beginning]:
        try:
            with paid_for(StageName.ENRICHED_CHUNKS):
                if self._labels is None:
                    self._labels = _label_vectors(self._embedder, self._settings.label_names)
                return _embed(self._embedder, texts)
        except (TransientError, BudgetSpent) as error:
            return [_Beginning(error=error) if text.strip() else _Beginning() for text in texts]

    @cached_property
    def _embedder(self) -> BatchEmbedder:
        """The same to the end: vectors of another model, put into its place meanwhile, cannot be compared with the labels'."""
        return open_embedder(self._settings)

    def _outcome(self, one: Answered, beginning: _Beginning, share: float) -> Outcome:
        if beginning.error is not None:
            return Lost(one.key, beginning.error, one.seconds + share)
        try:
            enriched = EnrichedDocument.from_bytes(one.body)
        except ArtifactDamaged as error:
            return Lost(one.key, error, one.seconds)
        if beginning.vector is not None and self._labels is not None:
            name, scores = choose(beginning.vector, self._labels, self._settings.label_names)
            enriched = enriched.model_copy(update={"document_class": name, "class_scores": scores})
        tokens = beginning.effort.usage.tokens
        billed = {"billed_tokens": tokens} if tokens else {}
        return Made(one.key, enriched.to_bytes(), {**enriched.counts, **billed}, one.seconds + share)


def _embed(embedder: BatchEmbedder, texts: Sequence[str]) -> list[_Beginning]:
    """Embed the beginnings that say something; one that the model refuses is lost alone."""
    model = embedder.model
    window = model.window - model.special_tokens
    openings = {place: opening(text, model.tokenizer(), window) for place, text in enumerate(texts)}
    asked = [place for place, text in openings.items() if text.strip()]
    found = [_Beginning()] * len(texts)
    for part in embedder.embed_parts([openings[place] for place in asked]) if asked else ():
        places = [asked[place] for place in part.places]
        shares = part.shares([len(openings[place]) for place in places])
        vectors = part.vectors if part.error is None else [None] * len(places)
        for place, vector, usage in zip(places, vectors, shares, strict=True):
            found[place] = _Beginning(vector, part.error, Effort(usage=usage))
    return found


def _label_vectors(embedder: Embedder, names: Sequence[str]) -> NDArray[np.float32]:
    try:
        return embedder.embed(names)
    except EmbeddingInvalid as error:
        raise ConfigurationError(f"DOCPIPE_LABELS cannot be embedded ({error}): use short names of document classes") from error
