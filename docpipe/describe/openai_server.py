"""A vision model behind a server that speaks OpenAI's chat completions."""

from __future__ import annotations

import base64
from typing import Any

from docpipe.cost.tariff import vision_tariff
from docpipe.cost.till import Till, paid_for
from docpipe.cost.usage import Usage
from docpipe.describe.prompt import NOTHING, Prompt
from docpipe.describe.vision_model import Said
from docpipe.errors import DocpipeError, PermanentError
from docpipe.models import StageName
from docpipe.openai_api import MAX_MESSAGE, ApiModel, check_url, sent_key, shown_url
from docpipe.parse.page.element import clean
from docpipe.settings import Settings

_BYTES_PER_TOKEN = 3
_PICTURE_TOKENS = 1_500
"""Guessed for a page or a figure, until an answer says more; OpenAI's models count 700 to 50,000."""
_MOST_READ = 1_000_000
"""Tokens of one question; more fits into no model."""


class OpenAIVisionModel:
    """Any server with `/chat/completions` and pictures in messages: OpenAI, vLLM, Ollama, llama.cpp and others."""

    def __init__(self, settings: Settings) -> None:
        import openai

        tariff = vision_tariff(settings)
        assert tariff is not None, "a vision model has a server"
        self._till = Till(tariff, settings.ledger_url)
        self._picture_tokens = _PICTURE_TOKENS
        url = check_url(settings.vision_url, "DOCPIPE_VISION_URL")
        self.name = settings.vision_model
        self._model = ApiModel(
            what="the vision model",
            name=self.name,
            url=shown_url(url),
            name_variable="DOCPIPE_VISION_MODEL",
            url_variable="DOCPIPE_VISION_URL",
            key_variable="DOCPIPE_VISION_KEY",
            way_out="unset DOCPIPE_VISION_URL",
            key=settings.vision_key,
        )
        # Retries are the pipeline's own, which say what they wait for and honour what they are asked.
        self._client = openai.OpenAI(
            base_url=url,
            api_key=sent_key(settings.vision_key, "DOCPIPE_VISION_KEY"),
            timeout=settings.vision_seconds,
            max_retries=0,
        )

    def ask(self, prompt: Prompt, picture: bytes, media_type: str) -> Said:
        tariff = self._till.tariff
        asked = len(prompt.value.encode()) // _BYTES_PER_TOKEN
        guess = tariff.usage(input_tokens=asked + self._picture_tokens, output_tokens=prompt.longest_answer, pictures=1)
        with paid_for(StageName.PARSED_PAGES):
            reservation = self._till.reserve(guess)
        try:
            answer = self._ask(prompt, picture, media_type)
        except DocpipeError as error:
            self._till.fail(reservation, error)
            raise
        read, written = _billed(answer, prompt)
        if read:
            self._picture_tokens = max(self._picture_tokens, read - asked)
        usage = tariff.usage(input_tokens=read, output_tokens=written, pictures=1) if read else guess
        self._till.pay(reservation, usage)
        return self._said(answer, usage)

    def _ask(self, prompt: Prompt, picture: bytes, media_type: str) -> Any:
        import openai

        url = f"data:{media_type};base64,{base64.b64encode(picture).decode()}"
        content = [{"type": "text", "text": prompt.value}, {"type": "image_url", "image_url": {"url": url}}]
        messages: Any = [{"role": "user", "content": content}]
        try:
            with self._model.asked():
                answer: Any = self._client.chat.completions.create(
                    model=self.name, messages=messages, max_completion_tokens=prompt.longest_answer
                )
        except openai.APIStatusError as error:
            raise self._model.refusal(error) from error
        except openai.APIConnectionError as error:
            # A time limit that was exceeded is one of these too.
            raise self._model.silence(error) from error
        except (openai.OpenAIError, ValueError) as error:
            raise self._model.nonsense(f"what is no answer: {type(error).__name__}") from error
        return answer

    def close(self) -> None:
        self._client.close()
        self._till.close()

    def _said(self, answer: Any, usage: Usage) -> Said:
        try:
            choice = answer.choices[0]
            text = "".join(choice.message.content or "")
            refused = getattr(choice.message, "refusal", None) or (choice.finish_reason == "content_filter" and "its content filter")
        except (AttributeError, IndexError, TypeError) as error:
            raise self._model.nonsense("what is no chat completion: is its URL right?") from error
        if refused and not text:
            raise PermanentError(f"the vision model refuses: {str(refused)[:MAX_MESSAGE]}")
        text = clean(text).strip()
        return Said("" if text.strip(".") == NOTHING else text, usage)


def _billed(answer: Any, prompt: Prompt) -> tuple[int, int]:
    """Tokens read and written, as the server counts them; zeros where it does not say, or says what cannot be."""
    usage = getattr(answer, "usage", None)
    read, written = getattr(usage, "prompt_tokens", None), getattr(usage, "completion_tokens", None)
    if type(read) is not int or type(written) is not int or not 0 < read <= _MOST_READ or not 0 <= written <= 2 * prompt.longest_answer:
        return 0, 0
    return read, written
