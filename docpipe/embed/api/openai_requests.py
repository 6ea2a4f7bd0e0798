"""Requests for embeddings to an OpenAI-compatible server: one at a time, at the provider's pace, patiently."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import ParamSpec, TypeVar

from docpipe.cost.tariff import embed_tariff
from docpipe.cost.till import Reservation, Till
from docpipe.cost.usage import Usage, total
from docpipe.embed.api.openai_answer import Answer, largest_answer, read_answer
from docpipe.embed.api.rate_limits import open_rate_limits
from docpipe.embed.model import EmbeddingModel
from docpipe.errors import DocpipeError, EmbedderUnavailable, PermanentError, TransientError
from docpipe.openai_api import ApiModel, check_url, sent_key, shown_url
from docpipe.retry import pause
from docpipe.settings import Settings

P = ParamSpec("P")
T = TypeVar("T")

_TOO_MANY_REQUESTS = 429
_TOO_LARGE = "too large"
_AROUND_TOKENS = 16
"""Special tokens of one text, at most."""


class OpenAIRequests:
    """Asks the server; used in one event loop."""

    def __init__(self, settings: Settings, model: EmbeddingModel) -> None:
        """Opens the ledger where the settings limit requests or tokens a minute; raises `PriceMissing`."""
        import openai

        tariff = embed_tariff(settings)
        assert tariff is not None, "a model behind an API has a provider"
        self._till = Till(tariff, settings.ledger_url)

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
            key=settings.embed_key,
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
        model or all that is asked, `BudgetSpent` where there is no money for it, `TransientError` where the server is away after
        all attempts.
        """
        wasted: list[Usage] = []
        for attempt in range(1, self._attempts + 1):
            try:
                async with self._slots:
                    answer = await self._buy(texts, tokens, dimensions, wasted)
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
                return replace(answer, usage=total([answer.usage, *wasted]))
        raise AssertionError("there is at least one attempt")

    async def close(self) -> None:
        """Let go of connections and the ledger."""
        await self._client.close()
        self._till.close()
        if self._limits is not None:
            self._limits.close()

    async def _buy(self, texts: Sequence[str], tokens: int, dimensions: int | None, wasted: list[Usage]) -> Answer:
        """Send one request for which there is money; what it cost is entered whatever becomes of it, in vain too."""
        guess = self._till.tariff.usage(input_tokens=tokens)
        reservation = await self._reserve(guess)
        try:
            await self._turn(tokens)
        except (TransientError, asyncio.CancelledError):
            await _whole(self._till.give_back, reservation)
            raise
        try:
            answer = read_answer(await self._ask(texts, dimensions), len(texts), self._model, self.api)
        except asyncio.CancelledError:
            # Nobody waits for the answer any more; it may be billed all the same.
            await _whole(self._till.pay, reservation, guess)
            raise
        except DocpipeError as error:
            wasted.append(await _whole(self._till.fail, reservation, error))
            raise
        usage = self._till.tariff.usage(input_tokens=answer.billed_tokens) if _is_believable(answer, texts) else guess
        await _whole(self._till.pay, reservation, usage)
        return replace(answer, usage=usage)

    async def _reserve(self, guess: Usage) -> Reservation:
        """Set money aside; where nobody waits for the answer any more, it is given back at once."""
        reserving = asyncio.ensure_future(asyncio.to_thread(self._till.reserve, guess))
        try:
            return await asyncio.shield(reserving)
        except asyncio.CancelledError:
            with suppress(DocpipeError):
                await _whole(self._till.give_back, await reserving)
            raise

    async def _turn(self, tokens: int) -> None:
        """Wait for what the provider allows, and for what it asked for."""
        if self._limits is not None:
            await asyncio.sleep(await asyncio.to_thread(self._limits.take, tokens))
        while (wait := self._not_before - _now()) > 0:
            await asyncio.sleep(wait)

    async def _ask(self, texts: Sequence[str], dimensions: int | None) -> bytes:
        import openai

        try:
            async with asyncio.timeout(self._seconds):
                with self.api.asked():
                    return await self._body(texts, dimensions)
        except openai.APIStatusError as error:
            if error.status_code == _TOO_MANY_REQUESTS and _TOO_LARGE in str(error.message).lower():
                # More tokens than the account is allowed a minute: waiting does not help.
                raise PermanentError(f"{self.api.what} refuses a request of {len(texts)} texts: it is too large") from error
            raise self.api.refusal(error) from error
        except (openai.APIConnectionError, TimeoutError) as error:
            raise self.api.silence(error) from error
        except openai.OpenAIError as error:
            raise self.api.nonsense(f"what is no answer: {type(error).__name__}") from error

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


async def _whole(work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """Do something in a thread, to its end even where the request is cancelled meanwhile: money that is set aside is not forgotten."""
    doing = asyncio.ensure_future(asyncio.to_thread(work, *arguments, **named))
    try:
        return await asyncio.shield(doing)
    except asyncio.CancelledError:
        await asyncio.wait([doing])
        raise


def _is_believable(answer: Answer, texts: Sequence[str]) -> bool:
    """Whether the server says how many tokens it bills, and not more than the texts can have: one a byte, and some around each."""
    return 0 < answer.billed_tokens <= sum(len(text.encode()) + _AROUND_TOKENS for text in texts)


def _now() -> float:
    return asyncio.get_running_loop().time()
