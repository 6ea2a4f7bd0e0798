"""An HTTP server on this machine that answers JSON with JSON, and fails as it is told."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Reply:
    """What is answered instead of what was asked for."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    """Waited before it."""
    sent: int | None = None
    """Bytes of the body after which the connection ends; None sends all."""
    reset: bool = False
    """End the connection without an answer."""


def failure(status: int, message: str = "", code: str = "", **headers: str) -> Reply:
    """An error as OpenAI words it; header names with underscores for hyphens."""
    body = json.dumps({"error": {"message": message, "type": "error", "code": code or None, "param": None}}).encode()
    return Reply(status, body, {name.replace("_", "-"): value for name, value in headers.items()})


@dataclass
class ScriptedServer:
    """What a test sees of the server."""

    url: str = ""
    replies: deque[Reply] = field(default_factory=deque)
    """Given first, one a request, before anything else."""
    always: Reply | None = None
    """Given when there are no more of them."""
    most_at_once: int = 0
    seconds: float = 0.0
    """That every answer takes."""


@contextlib.contextmanager
def serve(state: ScriptedServer, answer: Callable[[str, str, Mapping[str, Any]], Callable[[], Reply]]) -> Iterator[None]:
    """Serve on a free port until the end of the context; `answer` notes path, key and body, and gives what makes the answer."""
    lock = threading.Lock()
    under_way = 0

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            nonlocal under_way
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with lock:
                make = answer(self.path, self.headers["Authorization"].removeprefix("Bearer "), body)
                reply = state.replies.popleft() if state.replies else state.always
                under_way += 1
                state.most_at_once = max(state.most_at_once, under_way)
            try:
                if reply is None:
                    time.sleep(state.seconds)
                    reply = make()
                self._send(reply)
            finally:
                with lock:
                    under_way -= 1

        def _send(self, reply: Reply) -> None:
            time.sleep(reply.seconds)
            if reply.reset or reply.sent is not None:
                self.close_connection = True
            if reply.reset:
                # Closing without waiting for what was sent: the client sees a reset.
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
                return
            # A client that gave up waiting is gone.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                self.send_response(reply.status)
                for name, value in {"Content-Type": "application/json", **reply.headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(reply.body)))
                self.end_headers()
                self.wfile.write(reply.body[: reply.sent])

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the name is the base class's
            """Tests are silent."""

    with _Server(("127.0.0.1", 0), Handler) as server:
        state.url = f"http://127.0.0.1:{server.server_port}/v1"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # Clients keep their connections, and the end of a test does not wait for them.
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that break off are meant to."""
