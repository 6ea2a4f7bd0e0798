"""A vision model behind a server that speaks OpenAI's chat completions."""

from __future__ import annotations

import base64
import time
from contextlib import suppress
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from docpipe.describe.prompt import NOTHING, Prompt
from docpipe.describe.vision_model import Said
from docpipe.errors import ConfigurationError, PermanentError, TransientError
from docpipe.parse.page.element import clean
from docpipe.settings import Settings

if TYPE_CHECKING:
    import openai

_LONGEST_RETRY_AFTER = 600.0
"""Seconds; a server that asks for more is not waited for at once: the document comes back with a later run."""
_MAX_MESSAGE = 300
_NOT_NOW = (408, 409, 425, 429)
_BROKE = "insufficient_quota"
_NO_KEY = "none"
"""What servers that ask for no key are sent, since the client insists on one."""


class OpenAIVisionModel:
    """Any server with `/chat/completions` and pictures in messages: OpenAI, vLLM, Ollama, llama.cpp and others."""

    def __init__(self, settings: Settings) -> None:
        import openai

        self.name = settings.vision_model
        self._url = _shown(settings.vision_url)
        # Retries are the pipeline's own, which say what they wait for and honour what they are asked.
        self._client = openai.OpenAI(
            base_url=settings.vision_url,
            api_key=settings.vision_key.get_secret_value() or _NO_KEY,
            timeout=settings.vision_seconds,
            max_retries=0,
        )

    def ask(self, prompt: Prompt, picture: bytes, media_type: str) -> Said:
        import openai

        url = f"data:{media_type};base64,{base64.b64encode(picture).decode()}"
        content = [{"type": "text", "text": prompt.value}, {"type": "image_url", "image_url": {"url": url}}]
        messages: Any = [{"role": "user", "content": content}]
        try:
            answer: Any = self._client.chat.completions.create(
                model=self.name, messages=messages, max_completion_tokens=prompt.longest_answer
            )
        except openai.APIStatusError as error:
            raise self._refusal(error) from error
        except openai.APIConnectionError as error:
            # A time limit that was exceeded is one of these too.
            raise TransientError(f"the vision model at {self._url} did not answer: {type(error).__name__}") from error
        except (openai.OpenAIError, ValueError) as error:
            raise TransientError(f"the vision model at {self._url} sent what is no answer: {type(error).__name__}") from error
        return self._said(answer)

    def close(self) -> None:
        self._client.close()

    def _said(self, answer: Any) -> Said:
        try:
            choice = answer.choices[0]
            text = "".join(choice.message.content or "")
            refused = getattr(choice.message, "refusal", None) or (choice.finish_reason == "content_filter" and "its content filter")
        except (AttributeError, IndexError, TypeError) as error:
            raise TransientError(f"the vision model at {self._url} sent what is no chat completion: is its URL right?") from error
        if refused and not text:
            raise PermanentError(f"the vision model refuses: {str(refused)[:_MAX_MESSAGE]}")
        text = clean(text).strip()
        usage = getattr(answer, "usage", None)
        tokens = getattr(usage, "total_tokens", 0)
        return Said("" if text.strip(".") == NOTHING else text, tokens if isinstance(tokens, int) else 0)

    def _refusal(self, error: openai.APIStatusError) -> Exception:
        """What an HTTP status means; a server's message about keys is not repeated, since some quote them."""
        status = error.status_code
        if status in (401, 403):
            return ConfigurationError(f"the vision model at {self._url} refuses the key (HTTP {status}): set DOCPIPE_VISION_KEY")
        if status == 404:
            return ConfigurationError(
                f"there is no model {self.name!r} at {self._url} (HTTP 404): check DOCPIPE_VISION_MODEL and DOCPIPE_VISION_URL"
            )
        message = f"HTTP {status} from the vision model: {' '.join(str(error.message).split())[:_MAX_MESSAGE]}"
        if error.code == _BROKE:
            return ConfigurationError(f"{message}; its account needs credit, or unset DOCPIPE_VISION_URL")
        if status in _NOT_NOW or status >= 500:
            return TransientError(message, retry_after(error.response.headers))
        return PermanentError(message)


def _shown(url: str) -> str:
    """The URL for messages: without a user and a password in it."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def retry_after(headers: Any) -> float | None:
    """Seconds that a server asks to wait: by milliseconds, seconds or a date; None where it does not ask, or for too long."""
    seconds: float | None = None
    # A header may hold anything.
    with suppress(ValueError, TypeError, OverflowError):
        if value := headers.get("retry-after-ms"):
            seconds = float(value) / 1_000
        elif value := headers.get("retry-after"):
            seconds = float(value) if value.strip()[:1].isdigit() else parsedate_to_datetime(value).timestamp() - time.time()
    return seconds if seconds is not None and 0 <= seconds <= _LONGEST_RETRY_AFTER else None
