"""The stage `chunks`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

from docpipe.embed.model import EmbeddingModel, find_model
from docpipe.errors import ConfigurationError, PermanentError
from docpipe.fingerprint import Recipe
from docpipe.isolate import Task, WorkerPool
from docpipe.models import Document, StageName
from docpipe.pooled import Answered, run_items
from docpipe.settings import Settings
from docpipe.stage import Item, Lost, Made, Outcome

CODE_VERSION = "2"

_SMALLEST_BUDGET = 16


class ChunkStage:
    """Cuts parsed documents into chunks that fit the embedder, each in a worker process with limits."""

    name = StageName.CHUNKS

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def recipe(self, document: Document) -> Recipe:  # noqa: ARG002 - the same for every document
        """Raises `ModelMissing` where the embedder, whose tokenizer measures the chunks, cannot be found."""
        model = find_model(self._settings)
        budget, overlap = chunk_sizes(self._settings, model)
        # Only where there is one, so that the chunks of models without a prompt stay what they are.
        prompt = {"passage_prompt": model.passage_prompt} if model.passage_prompt else {}
        return Recipe(
            stage=self.name,
            code_version=CODE_VERSION,
            parameters={"chunk_tokens": budget, "chunk_overlap": overlap, "docling-core": version("docling-core"), **prompt},
            models={f"{model.name} tokenizer": _tokenizer_sha256(model.tokenizer_file, model.sha256)},
        )

    def process(self, items: Sequence[Item]) -> Iterator[Outcome]:
        """Yield each document as its worker is done with it."""
        if not items:
            return
        model = find_model(self._settings)
        budget, overlap = chunk_sizes(self._settings, model)

        def task(item: Item) -> Task:
            data = item.inputs[StageName.PARSED_PAGES]()
            return Task(item.document.key, "docpipe.chunk.worker:chunk", (data, model, budget, overlap))

        with WorkerPool.from_settings(self._settings, preload=("docpipe.chunk.worker",)) as pool:
            for done in run_items(pool, items, task):
                yield done if isinstance(done, Lost) else replace(_outcome(done), effort=done.effort)


def _outcome(done: Answered) -> Outcome:
    try:
        counts = {name: int(done.header[name]) for name in ("chunks", "tokens")}
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        broken = PermanentError(f"the worker's answer makes no sense: {type(error).__name__}: {error}")
        return Lost(done.key, broken, done.seconds)
    return Made(done.key, done.body, counts, done.seconds)


def chunk_sizes(settings: Settings, model: EmbeddingModel) -> tuple[int, int]:
    """Tokens a chunk may have and tokens it may repeat: what was asked for, within the model's window.

    Special tokens and the prompt before a passage are apart. Raises `ConfigurationError` where too few are left for a chunk.
    """
    budget = min(settings.chunk_tokens, model.room(model.passage_prompt))
    if budget < _SMALLEST_BUDGET:
        raise ConfigurationError(
            f"{model.name} reads {model.window} tokens, too few for a chunk behind its prompt: "
            "set DOCPIPE_EMBEDDER to another model, or shorten DOCPIPE_EMBED_PASSAGE_PROMPT"
        )
    return budget, min(settings.chunk_overlap, budget // 2)


@lru_cache(maxsize=8)
def _tokenizer_sha256(path: Path, model_sha256: str) -> str:  # noqa: ARG001 - the model's hash makes a replaced file a new entry
    return hashlib.sha256(path.read_bytes()).hexdigest()
