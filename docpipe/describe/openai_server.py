"""A vision model behind a server that speaks OpenAI's chat completions."""

from __future__ import annotations

import base64
from typing import Any

from docpipe.describe.prompt import NOTHING, Prompt
from docpipe.describe.vision_model import Said
from docpipe.errors import PermanentError
from docpipe.openai_api import MAX_MESSAGE, ApiModel, check_url, sent_key, shown_url
from docpipe.parse.page.element import clean
from docpipe.settings import Settings


class OpenAIVisionModel:
    """Any server with `/chat/completions` and pictures in messages: OpenAI, vLLM, Ollama, llama.cpp and others."""

    def __init__(self, settings: Settings) -> None:
        import openai

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
        )
        # Retries are the pipeline's own, which say what they wait for and honour what they are asked.
        self._client = openai.OpenAI(
            base_url=url,
            api_key=sent_key(settings.vision_key, "DOCPIPE_VISION_KEY"),
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
            raise self._model.refusal(error) from error
        except openai.APIConnectionError as error:
            # A time limit that was exceeded is one of these too.
            raise self._model.silence(error) from error
        except (openai.OpenAIError, ValueError) as error:
            raise self._model.nonsense(f"what is no answer: {type(error).__name__}") from error
        return self._said(answer)

    def close(self) -> None:
        self._client.close()

    def _said(self, answer: Any) -> Said:
        try:
            choice = answer.choices[0]
            text = "".join(choice.message.content or "")
            refused = getattr(choice.message, "refusal", None) or (choice.finish_reason == "content_filter" and "its content filter")
        except (AttributeError, IndexError, TypeError) as error:
            raise self._model.nonsense("what is no chat completion: is its URL right?") from error
        if refused and not text:
            raise PermanentError(f"the vision model refuses: {str(refused)[:MAX_MESSAGE]}")
        text = clean(text).strip()
        usage = getattr(answer, "usage", None)
        tokens = getattr(usage, "total_tokens", 0)
        return Said("" if text.strip(".") == NOTHING else text, tokens if isinstance(tokens, int) else 0)
