"""The part of the stage that runs in a worker process, since it reads hostile text."""

from __future__ import annotations

from docpipe.enrich.analysis import analyse, beginning
from docpipe.isolate import Answer
from docpipe.models import ChunkedDocument


def enrich(data: bytes, most_phrases: int) -> Answer:
    """Analyse one serialized `ChunkedDocument`; returns its beginning and the serialized `EnrichedDocument`, without a class."""
    chunked = ChunkedDocument.from_bytes(data)
    return {"beginning": beginning(chunked)}, analyse(chunked, most_phrases).to_bytes()
