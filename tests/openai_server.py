"""A server on this machine that speaks as much of OpenAI's chat completions as a client of pictures needs, and can fail."""

from __future__ import annotations

import base64
import contextlib
import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Asked:
    """One request as it came."""

    path: str
    key: str
    model: str
    prompt: str
    picture: bytes
    media_type: str


@dataclass(frozen=True)
class Reply:
    """What is answered instead of a completion."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    """Waited before it."""


def failure(status: int, message: str = "", code: str = "", **headers: str) -> Reply:
    """An error as OpenAI words it; header names with underscores for hyphens."""
    body = json.dumps({"error": {"message": message, "type": "error", "code": code or None, "param": None}}).encode()
    return Reply(status, body, {name.replace("_", "-"): value for name, value in headers.items()})


@dataclass
class OpenAIServer:
    """What a test sees of the server."""

    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    replies: deque[Reply] = field(default_factory=deque)
    """Given first, one a request, before any completion."""
    say: Callable[[Asked], str] = lambda asked: "a picture"
    always: Reply | None = None
    most_at_once: int = 0
    seconds: float = 0.0
    """That every completion takes."""


@contextlib.contextmanager
def openai_server() -> Iterator[OpenAIServer]:
    """Serve on a free port until the end of the context."""
    state = OpenAIServer()
    lock = threading.Lock()
    under_way = 0

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            nonlocal under_way
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked = _asked(self.path, self.headers["Authorization"], body)
            with lock:
                state.asked.append(asked)
                reply = state.replies.popleft() if state.replies else state.always
                under_way += 1
                state.most_at_once = max(state.most_at_once, under_way)
            try:
                self._send(reply or Reply(body=_completion(body["model"], state.say(asked)), seconds=state.seconds))
            finally:
                with lock:
                    under_way -= 1

        def _send(self, reply: Reply) -> None:
            time.sleep(reply.seconds)
            # A client that gave up waiting is gone.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                self.send_response(reply.status)
                for name, value in {"Content-Type": "application/json", **reply.headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(reply.body)))
                self.end_headers()
                self.wfile.write(reply.body)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the name is the base class's
            """Tests are silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        state.url = f"http://127.0.0.1:{server.server_port}/v1"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield state
        finally:
            server.shutdown()
            thread.join()


def _asked(path: str, authorization: str, body: Mapping[str, Any]) -> Asked:
    text, picture = body["messages"][0]["content"]
    head, _, data = picture["image_url"]["url"].partition(",")
    media_type = head.removeprefix("data:").removesuffix(";base64")
    return Asked(path, authorization.removeprefix("Bearer "), body["model"], text["text"], base64.b64decode(data), media_type)


def _completion(model: str, text: str) -> bytes:
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
    usage = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}
    return json.dumps({"id": "1", "object": "chat.completion", "created": 1, "model": model, "choices": [choice], "usage": usage}).encode()
