"""The part of the stage that runs in a worker process, since it reads what a hostile file was turned into."""

from __future__ import annotations

from functools import lru_cache

from docpipe.chunk.chunker import Chunker
from docpipe.embed.model import EmbeddingModel
from docpipe.isolate import Answer
from docpipe.models import ParsedDocument


def chunk(data: bytes, model: EmbeddingModel, budget: int, overlap: int) -> Answer:
    """Cut one serialized `ParsedDocument`; returns the counts and the serialized `ChunkedDocument`."""
    chunked = _chunker(model, budget, overlap).chunk(ParsedDocument.from_bytes(data))
    return chunked.counts, chunked.to_bytes()


@lru_cache(maxsize=1)
def _chunker(model: EmbeddingModel, budget: int, overlap: int) -> Chunker:
    return Chunker(model.tokenizer(), budget, overlap, model.passage_prompt)
