"""Requests for embeddings to an OpenAI-compatible server: one at a time, at the provider's pace, patiently."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from docpipe.embed.api.openai_answer import Answer, largest_answer, read_answer
from docpipe.embed.api.rate_limits import open_rate_limits
from docpipe.embed.model import EmbeddingModel
from docpipe.errors import EmbedderUnavailable, PermanentError, TransientError
from docpipe.openai_api import ApiModel, check_url, sent_key, shown_url
from docpipe.retry import pause
from docpipe.settings import Settings

_TOO_MANY_REQUESTS = 429
_TOO_LARGE = "too large"


class OpenAIRequests:
    """Asks the server; used in one event loop."""

    def __init__(self, settings: Settings, model: EmbeddingModel) -> None:
        """Opens the ledger where the settings limit requests or tokens a minute."""
        import openai

        url = check_url(settings.embed_url, "DOCPIPE_EMBED_URL")
        self._model = model
        self._attempts = settings.max_attempts
        self._seconds = settings.embed_seconds
        self._slots = asyncio.Semaphore(settings.embed_requests)
        self._not_before = 0.0
        self.api = ApiModel(
            what="the embedding model",
            name=model.name,
            url=shown_url(url),
            name_variable="DOCPIPE_EMBEDDER",
            url_variable="DOCPIPE_EMBED_URL",
            key_variable="DOCPIPE_EMBED_KEY",
            way_out="set DOCPIPE_EMBEDDER to another model",
            unavailable=EmbedderUnavailable,
        )
        # Retries are the pipeline's own, which share what the server asks for among all requests.
        self._client = openai.AsyncOpenAI(
            base_url=url,
            api_key=sent_key(settings.embed_key, "DOCPIPE_EMBED_KEY"),
            timeout=settings.embed_seconds,
            max_retries=0,
        )
        # Last, since nobody closes the ledger of what could not be made.
        self._limits = open_rate_limits(settings, model)

    async def embed(self, texts: Sequence[str], tokens: int, dimensions: int | None) -> Answer:
        """Embed the texts of one request, about so many tokens, and have the vectors shortened to `dimensions`.

        Raises `PermanentError` where the server refuses these texts, `ConfigurationError` where it refuses the key, the
        model or all that is asked, `TransientError` where it is away after all attempts.
        """
        for attempt in range(1, self._attempts + 1):
            try:
                async with self._slots:
                    await self._turn(tokens)
                    answer = await self._ask(texts, dimensions)
            except TransientError as error:
                if error.retry_after:
                    # What one request is told concerns all of them.
                    self._not_before = max(self._not_before, _now() + error.retry_after)
                if attempt == self._attempts:
                    raise
                await asyncio.sleep(pause(attempt, error))
            else:
                if self._limits is not None:
                    # What was answered counts, whether the ledger takes note of it or not.
                    with suppress(TransientError):
                        await asyncio.to_thread(self._limits.settle, tokens, answer.billed_tokens)
                return answer
        raise AssertionError("there is at least one attempt")

    async def close(self) -> None:
        """Let go of connections and the ledger."""
        await self._client.close()
        if self._limits is not None:
            self._limits.close()

    async def _turn(self, tokens: int) -> None:
        """Wait for what the provider allows, and for what it asked for."""
        if self._limits is not None:
            await asyncio.sleep(await asyncio.to_thread(self._limits.take, tokens))
        while (wait := self._not_before - _now()) > 0:
            await asyncio.sleep(wait)

    async def _ask(self, texts: Sequence[str], dimensions: int | None) -> Answer:
        import openai

        try:
            async with asyncio.timeout(self._seconds):
                body = await self._body(texts, dimensions)
        except openai.APIStatusError as error:
            if error.status_code == _TOO_MANY_REQUESTS and _TOO_LARGE in str(error.message).lower():
                # More tokens than the account is allowed a minute: waiting does not help.
                raise PermanentError(f"{self.api.what} refuses a request of {len(texts)} texts: it is too large") from error
            raise self.api.refusal(error) from error
        except (openai.APIConnectionError, TimeoutError) as error:
            raise self.api.silence(error) from error
        except openai.OpenAIError as error:
            raise self.api.nonsense(f"what is no answer: {type(error).__name__}") from error
        return read_answer(body, len(texts), self._model, self.api)

    async def _body(self, texts: Sequence[str], dimensions: int | None) -> bytes:
        import openai

        request = self._client.embeddings.with_streaming_response.create(
            input=list(texts),
            model=self._model.name,
            encoding_format="base64",
            dimensions=openai.omit if dimensions is None else dimensions,
        )
        most = largest_answer(len(texts), self._model.dimension)
        body = bytearray()
        async with request as response:
            try:
                async for data in response.iter_bytes():
                    body += data
                    if len(body) > most:
                        break
            except Exception as error:
                # The client lets its transport's errors through while a body is read.
                raise self.api.silence(error) from error
        if len(body) > most:
            raise self.api.nonsense(f"more than {most} bytes for {len(texts)} vectors: is its URL right?")
        return bytes(body)


def _now() -> float:
    return asyncio.get_running_loop().time()
