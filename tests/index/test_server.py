"""What only the server engine has to stand: a network, and a server that refuses, hangs or lies."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from httpx import Headers
from qdrant_client import QdrantClient
from qdrant_client.http.exceptions import UnexpectedResponse

from docpipe.embed.model import find_model
from docpipe.errors import ConfigurationError, IndexFull, IndexUnavailable, PermanentError
from docpipe.index import open_index
from docpipe.index.server import ServerIndex
from docpipe.settings import Settings
from tests.index.entries import COLLECTION, entry

Answer = tuple[int, dict[str, str], bytes]


class Stub:
    """A server that gives the same answer to everything, or none."""

    def __init__(self) -> None:
        self.answer: Answer | None = (200, {}, b"{}")
        self.over = threading.Event()
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                if stub.answer is None:
                    stub.over.wait(30)
                    return
                status, headers, body = stub.answer
                self.send_response(status)
                for name, value in ({"Content-Length": str(len(body)), "Content-Type": "application/json"} | headers).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            do_PUT = do_POST = do_DELETE = do_GET  # noqa: N815

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def close(self) -> None:
        self.over.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def stub() -> Iterator[Stub]:
    made = Stub()
    yield made
    made.close()


def client(stub: Stub) -> QdrantClient:
    return QdrantClient(url=f"http://127.0.0.1:{stub.port}", timeout=1, check_compatibility=False)


@pytest.mark.parametrize(
    ("answer", "error", "message"),
    [
        ((503, {}, b"busy"), IndexUnavailable, "busy"),
        ((500, {}, b'{"status":{"error":"No space left on device"}}'), IndexFull, "free space"),
        ((401, {}, b"no"), ConfigurationError, "DOCPIPE_QDRANT_API_KEY"),
        ((400, {}, b"what"), ConfigurationError, "what"),
        ((404, {}, b"<html>not here</html>"), ConfigurationError, "DOCPIPE_QDRANT_URL"),
        ((200, {}, b"<html>hello</html>"), IndexUnavailable, "did not answer as it should"),
        ((200, {}, b'{"result": null, "status": "ok", "time": 0}'), IndexUnavailable, "did not answer as it should"),
        ((200, {}, b"\xff\xfe"), IndexUnavailable, "did not answer as it should"),
        ((200, {}, b'{"result": 7}'), IndexUnavailable, "did not answer as it should"),
        (None, IndexUnavailable, "timed out"),
    ],
)
def test_every_way_to_fail_has_its_policy(stub: Stub, answer: Answer | None, error: type[Exception], message: str) -> None:
    stub.answer = answer
    with pytest.raises(error, match=message):
        ServerIndex(client(stub), COLLECTION, "the server")


def test_a_server_may_say_when_to_come_back(stub: Stub) -> None:
    stub.answer = (429, {"Retry-After": "7"}, b"{}")
    with pytest.raises(IndexUnavailable) as caught:
        ServerIndex(client(stub), COLLECTION, "the server")
    assert caught.value.retry_after == 7


def test_a_server_that_is_not_there_is_transient(stub: Stub, settings: Callable[..., Settings]) -> None:
    port = stub.port
    stub.close()
    made = settings(qdrant_url=f"http://user:hidden@127.0.0.1:{port}")
    with pytest.raises(IndexUnavailable, match=f"http://127.0.0.1:{port}") as caught:
        open_index(made, find_model(made))
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize("url", ["localhost:6333", "http://", "ftp://host", "http://host:port"])
def test_a_url_that_is_none_says_how_to_write_one(settings: Callable[..., Settings], url: str) -> None:
    made = settings(qdrant_url=url)
    with pytest.raises(ConfigurationError, match="http://localhost:6333"):
        open_index(made, find_model(made))


@pytest.mark.filterwarnings("ignore:Payload indexes have no effect:UserWarning")
@pytest.mark.parametrize(
    ("status", "error"), [(400, PermanentError), (404, IndexUnavailable), (503, IndexUnavailable), (403, ConfigurationError)]
)
def test_what_a_refused_write_means(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int, error: type[Exception]) -> None:
    local = QdrantClient(path=str(tmp_path))
    with closing(ServerIndex(local, COLLECTION, "the server")) as index:
        index.replace([entry("a")])

        def refuse(*_: object, **__: object) -> None:
            raise UnexpectedResponse(status, "", b"because", Headers())

        monkeypatch.setattr(local, "upsert", refuse)
        with pytest.raises(error, match=r"because|DOCPIPE_QDRANT_API_KEY"):
            index.replace([entry("b")])
        monkeypatch.undo()
        index.replace([entry("b")])
        assert sorted(index.inventory()) == [("a", 1, 3), ("b", 1, 3)]
