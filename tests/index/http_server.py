"""A Qdrant server for tests: its REST interface over loopback, with the client's local mode behind it.

It understands the requests that docpipe makes and no others, and it can fail, hang or hang up at any of them.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from pydantic import BaseModel, TypeAdapter
from qdrant_client import QdrantClient
from qdrant_client.http import models

Answer = tuple[int, dict[str, str], bytes]
Fault = Callable[[str, str], "Answer | None"]
"""Gets method and path of a request: returns an answer in place of the server's, or None; may raise one of the two below."""


class Hang(Exception):
    """The request is never answered."""


class HangUp(Exception):
    """The connection ends before the answer; `done` says whether the server did what was asked."""

    def __init__(self, *, done: bool) -> None:
        super().__init__()
        self.done = done


class QdrantServer:
    """Listens from entering to leaving `running`."""

    def __init__(self) -> None:
        self.store = QdrantClient(":memory:")
        self.fault: Fault = lambda _method, _path: None
        self.url = ""
        self.over = threading.Event()
        self.one_at_a_time = threading.Lock()
        self.seen: list[tuple[str, str]] = []
        self.bodies: list[Any] = []

    def client(self, timeout: int = 10) -> QdrantClient:
        return QdrantClient(url=self.url, timeout=timeout, check_compatibility=False)

    @contextmanager
    def running(self) -> Iterator[QdrantServer]:
        with ThreadingHTTPServer(("127.0.0.1", 0), _handler(self)) as listening:
            self.url = f"http://127.0.0.1:{listening.server_port}"
            thread = threading.Thread(target=listening.serve_forever, args=(0.02,))
            thread.start()
            try:
                yield self
            finally:
                self.over.set()
                listening.shutdown()
                thread.join()
                self.store.close()

    def answer(self, method: str, path: str, body: bytes) -> object:
        """Do what a request asks for; raises `ValueError` as the local mode does."""
        sent: Any = json.loads(body) if body else {}
        match [method, *path.strip("/").split("/")]:
            case ["GET", "collections"]:
                return self.store.get_collections()
            case ["GET", "aliases"]:
                return self.store.get_aliases()
            case ["POST", "collections", "aliases"]:
                return self.store.update_collection_aliases(models.ChangeAliasesOperation(**sent).actions)
            case ["GET", "collections", name, "exists"]:
                return {"exists": self.store.collection_exists(name)}
            case ["GET", "collections", name]:
                return self.store.get_collection(name)
            case ["PUT", "collections", name]:
                wanted = models.CreateCollection(**sent)
                vectors = {} if wanted.vectors is None else wanted.vectors
                return self.store.create_collection(
                    name,
                    vectors,
                    wanted.sparse_vectors,
                    optimizers_config=wanted.optimizers_config,
                    quantization_config=wanted.quantization_config,
                    metadata=wanted.metadata,
                )
            case ["PATCH", "collections", name]:
                changed = models.UpdateCollection(**sent)
                return self.store.update_collection(name, optimizers_config=changed.optimizers_config, metadata=changed.metadata)
            case ["DELETE", "collections", name]:
                return self.store.delete_collection(name)
            case ["PUT", "collections", name, "index"]:
                field = models.CreateFieldIndex(**sent)
                return self.store.create_payload_index(name, field.field_name, field.field_schema)
            case ["PUT", "collections", name, "points"]:
                return self.store.upsert(name, models.PointsList(**sent).points)
            case ["POST", "collections", name, "points"]:
                wanted_points = models.PointRequest(**sent)
                return self.store.retrieve(name, wanted_points.ids, _payload(wanted_points.with_payload))
            case ["POST", "collections", name, "points", "delete"]:
                selector: Any = TypeAdapter(models.PointsSelector).validate_python(sent)
                return self.store.delete(name, selector)
            case ["POST", "collections", name, "points", "count"]:
                return self.store.count(name, models.CountRequest(**sent).filter)
            case ["POST", "collections", name, "points", "scroll"]:
                page = models.ScrollRequest(**sent)
                shown = _payload(page.with_payload)
                points, offset = self.store.scroll(name, page.filter, page.limit or 10, offset=page.offset, with_payload=shown)
                return {"points": [point.model_dump() for point in points], "next_page_offset": offset}
            case ["POST", "collections", name, "points", "query", "batch"]:
                return self.store.query_batch_points(name, models.QueryRequestBatch(**sent).searches)
        raise AssertionError(f"nobody expected {method} {path}")


def _handler(server: QdrantServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path = self.path.partition("?")[0]
            try:
                status, headers, answer = server.fault(self.command, path) or self.result(path, body)
            except Hang:
                server.over.wait(30)
                self.close_connection = True
                return
            except HangUp as fault:
                if fault.done:
                    self.result(path, body)
                self.close_connection = True
                return
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(answer)), "Content-Type": "application/json"} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer)

        do_PUT = do_POST = do_DELETE = do_PATCH = do_GET  # noqa: N815 - the names are those of HTTP

        def result(self, path: str, body: bytes) -> Answer:
            with server.one_at_a_time:
                server.seen.append((self.command, path))
                server.bodies.append(json.loads(body) if body else None)
                try:
                    result = server.answer(self.command, path, body)
                except ValueError as error:
                    status = 404 if "not found" in str(error) else 400
                    return status, {}, json.dumps({"status": {"error": str(error)}, "time": 0.0}).encode()
            return 200, {}, json.dumps({"result": _plain(result), "status": "ok", "time": 0.0}).encode()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
            """Keep quiet."""

    return Handler


def _payload(wanted: object) -> bool | list[str]:
    """docpipe asks for all fields or for a list of them."""
    return [str(field) for field in wanted] if isinstance(wanted, list) else bool(wanted)


def _plain(result: object) -> object:
    if isinstance(result, BaseModel):
        return result.model_dump(mode="json")
    if isinstance(result, list):
        return [_plain(one) for one in result]
    return result
