"""Embeddings from any server that speaks OpenAI's `/embeddings`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from docpipe.embed.api.api_model import sent_dimension
from docpipe.embed.api.event_loop import EventLoop
from docpipe.embed.api.openai_requests import OpenAIRequests
from docpipe.embed.api.rate_limits import BURST_SECONDS
from docpipe.embed.contract import Part, joined
from docpipe.embed.model import EmbeddingModel
from docpipe.embed.texts import check_window, utf8
from docpipe.errors import BudgetSpent, ConfigurationError, DocpipeError, EmbeddingInvalid, PermanentError
from docpipe.settings import MEBIBYTE, Settings

REQUEST_TEXTS = 2_048
REQUEST_TOKENS = 300_000
"""Both from OpenAI's API reference."""
BYTES_PER_TOKEN = 3
"""Of UTF-8, for sizes and reservations: prose in Latin letters has 4 to 5 a token, Chinese 2 to 3, rare scripts down to 1."""

_ANSWER_BYTES = 16 * MEBIBYTE
"""Vectors of one answer in base64: 2,048 of 1,536 dimensions."""
_PROBE = "a"


class OpenAIEmbedder:
    """Sends large requests, several at a time; safe for threads."""

    def __init__(self, settings: Settings, model: EmbeddingModel) -> None:
        """Opens the ledger where the settings limit requests or tokens a minute."""
        self.model = model
        self._under_way = settings.embed_requests
        self._requests = OpenAIRequests(settings, model)
        self._loop = EventLoop("docpipe-embed")
        self._most_texts = max(1, min(REQUEST_TEXTS, _ANSWER_BYTES * 3 // (model.dimension * 16)))
        # No request may take more than what can be asked for at once, nor a share that starves the others.
        allowed = settings.embed_tokens_per_minute * BURST_SECONDS / 60 / settings.embed_requests
        self._most_tokens = max(model.window, min(REQUEST_TOKENS, int(allowed))) if allowed else REQUEST_TOKENS
        self._dimensions = sent_dimension(settings, model)
        self._trying = asyncio.Lock()

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return joined(self.embed_parts(texts), len(texts), self.model.dimension)

    def embed_parts(self, texts: Sequence[str]) -> Iterator[Part]:
        good: list[int] = []
        for place, text in enumerate(texts):
            error = self._objection(text)
            if error is None:
                good.append(place)
            else:
                yield self._lost([place], error)
        waiting: set[Future[list[Part]]] = set()
        requests = self._cut(texts, good)
        try:
            while True:
                # One more than can be under way, so that none of them is missing while results are taken.
                while len(waiting) <= self._under_way and (places := next(requests, None)):
                    waiting.add(self._loop.submit(self._embed(texts, places)))
                if not waiting:
                    return
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                # What was made, and paid for, before what failed.
                for future in sorted(done, key=lambda one: one.exception() is not None):
                    yield from future.result()
        finally:
            for future in waiting:
                future.cancel()

    def close(self) -> None:
        """Let go of connections, the thread and the ledger."""
        self._loop.submit(self._requests.close()).result()
        self._loop.close()

    def _objection(self, text: str) -> EmbeddingInvalid | None:
        """Why a text cannot be sent."""
        if not text:
            return EmbeddingInvalid("a text is empty, which an API has no vector for: make the chunks again")
        try:
            # No tokenizer makes more tokens than bytes.
            if len(utf8(text)) + self.model.special_tokens > self.model.window:
                check_window(len(self.model.tokenizer().encode(text).ids), self.model)
        except EmbeddingInvalid as error:
            return error
        return None

    def _cut(self, texts: Sequence[str], places: Sequence[int]) -> Iterator[list[int]]:
        """Places of one request after the other, within the limits as they are known by then."""
        request: list[int] = []
        tokens = 0
        for place in places:
            more = _tokens(texts[place])
            if request and (len(request) >= self._most_texts or tokens + more > self._most_tokens):
                yield request
                request, tokens = [], 0
            request.append(place)
            tokens += more
        if request:
            yield request

    async def _embed(self, texts: Sequence[str], places: Sequence[int]) -> list[Part]:
        """Embed the texts of one request; where it is refused, those at fault are found by asking for fewer at a time."""
        dimensions = self._dimensions
        try:
            return await self._ask(texts, places)
        except BudgetSpent as spent:
            # Others may be small enough, or found in the cache.
            return [self._lost(places, spent)]
        except PermanentError as refusal:
            await self._try_any(refusal)
            if self._dimensions != dimensions:
                return await self._embed(texts, places)
            return await self._ask_for_fewer(texts, places, refusal)

    async def _ask_for_fewer(self, texts: Sequence[str], places: Sequence[int], refusal: PermanentError) -> list[Part]:
        if len(places) == 1:
            return [self._lost(places, EmbeddingInvalid(f"{refusal}: make the chunks again with a smaller DOCPIPE_CHUNK_TOKENS"))]
        size = min(self._most_texts, (len(places) + 1) // 2)
        parts: list[Part] = []
        for start in range(0, len(places), size):
            some = places[start : start + size]
            try:
                parts += await self._ask(texts, some)
            except BudgetSpent as spent:
                parts.append(self._lost(some, spent))
            except PermanentError as error:
                parts += await self._ask_for_fewer(texts, some, error)
        if all(part.error is None for part in parts):
            # No text was at fault: this server takes smaller requests than OpenAI's.
            self._most_texts = min(self._most_texts, size)
        return parts

    async def _ask(self, texts: Sequence[str], places: Sequence[int]) -> list[Part]:
        some = [texts[place] for place in places]
        answer = await self._requests.embed(some, sum(map(_tokens, some)), self._dimensions)
        bad = [self._lost([places[row]], error) for row, error in answer.errors.items()]
        rows = [row for row in range(len(places)) if row not in answer.errors]
        if not rows:
            return [replace(bad[0], usage=answer.usage), *bad[1:]]
        return [Part([places[row] for row in rows], answer.vectors[rows], usage=answer.usage), *bad]

    async def _try_any(self, refusal: PermanentError) -> None:
        """Raise `ConfigurationError` where the server refuses every text, and not just those of one request."""
        async with self._trying:
            if await self._is_answered(self._dimensions):
                return
            # Models that cannot be shortened refuse the mere mention of a dimension; what they send is checked.
            if self._dimensions is None or not await self._is_answered(None):
                message = f"{refusal}, whatever the text: check DOCPIPE_EMBEDDER, DOCPIPE_EMBED_URL and DOCPIPE_EMBED_DIMENSION"
                raise ConfigurationError(message) from refusal
            self._dimensions = None

    async def _is_answered(self, dimensions: int | None) -> bool:
        try:
            await self._requests.embed([_PROBE], 1, dimensions)
        except PermanentError:
            return False
        except BudgetSpent:
            # Nobody can tell; what is asked next says the same of its own texts.
            return True
        return True

    def _lost(self, places: Sequence[int], error: DocpipeError) -> Part:
        return Part(places, np.empty((0, self.model.dimension), dtype=np.float32), error=error)


def _tokens(text: str) -> int:
    return -(-len(text.encode()) // BYTES_PER_TOKEN)
