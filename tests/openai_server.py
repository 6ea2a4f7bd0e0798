"""A server on this machine that speaks as much of OpenAI's chat completions as a client of pictures needs, and can fail."""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.scripted_server import Reply, ScriptedServer, serve


@dataclass(frozen=True)
class Asked:
    """One request as it came."""

    path: str
    key: str
    model: str
    prompt: str
    picture: bytes
    media_type: str


@dataclass
class OpenAIServer(ScriptedServer):
    """What a test sees of the server."""

    asked: list[Asked] = field(default_factory=list)
    say: Callable[[Asked], str] = lambda asked: "a picture"


@contextlib.contextmanager
def openai_server() -> Iterator[OpenAIServer]:
    """Serve on a free port until the end of the context."""
    state = OpenAIServer()

    def answer(path: str, key: str, body: Mapping[str, Any]) -> Callable[[], Reply]:
        asked = _asked(path, key, body)
        state.asked.append(asked)
        return lambda: Reply(body=_completion(asked.model, state.say(asked)))

    with serve(state, answer):
        yield state


def _asked(path: str, key: str, body: Mapping[str, Any]) -> Asked:
    text, picture = body["messages"][0]["content"]
    head, _, data = picture["image_url"]["url"].partition(",")
    media_type = head.removeprefix("data:").removesuffix(";base64")
    return Asked(path, key, body["model"], text["text"], base64.b64decode(data), media_type)


def _completion(model: str, text: str) -> bytes:
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
    usage = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}
    return json.dumps({"id": "1", "object": "chat.completion", "created": 1, "model": model, "choices": [choice], "usage": usage}).encode()
