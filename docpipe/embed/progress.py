"""How far the embedding of a batch is, for the log of its run."""

from __future__ import annotations

import logging
import time

INTERVAL_SECONDS = 10.0

log = logging.getLogger(__name__)


class EmbedProgress:
    """Counts chunks, and says every ten seconds how far they are."""

    def __init__(self, documents: int) -> None:
        self._documents = documents
        self._read = 0
        self._chunks = 0
        self._done = 0
        self._made = 0
        self._tokens = 0
        self._began = self._shown = time.monotonic()

    def read(self, chunks: int) -> None:
        """Another document was read, and has so many chunks to embed."""
        self._read += 1
        self._chunks += chunks

    def advance(self, chunks: int, made: int, tokens: int) -> None:
        """So many chunks are done, for which so many vectors were made, of texts with so many tokens together."""
        self._done += chunks
        self._made += made
        self._tokens += tokens
        if time.monotonic() - self._shown >= INTERVAL_SECONDS:
            self._shown = time.monotonic()
            log.info("%s", self)

    def __str__(self) -> str:
        seconds = max(time.monotonic() - self._began, 1e-3)
        known = 1 - self._made / self._done if self._done else 0.0
        read = "" if self._read == self._documents else f" in {self._read} of {self._documents} documents read so far"
        rates = f"{self._done / seconds:,.1f} chunks/s, {self._tokens / seconds:,.0f} tokens/s"
        return f"embeddings: {self._done:,} of {self._chunks:,} chunks{read}; {rates}, {known:.0%} known before"
