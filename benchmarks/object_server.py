"""A server of the S3 requests that a look at a bucket makes, fast enough to measure the client: moto sorts all keys for each page.

python -m benchmarks.object_server OBJECTS  (prints its port)
"""

from __future__ import annotations

import contextlib
import hashlib
import subprocess
import sys
from bisect import bisect_right, insort
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

from benchmarks.documents import make_objects

PAGE = 1_000
CONTENT = b"# a note\n"
MODIFIED = "2026-01-01T00:00:00.000Z"


class Objects:
    """Keys in order, and the bytes behind them."""

    def __init__(self, count: int) -> None:
        self.bodies = {info.key: CONTENT for info in make_objects(count)}
        self.keys = sorted(self.bodies, key=str.encode)

    def put(self, key: str, body: bytes) -> None:
        if key not in self.bodies:
            insort(self.keys, key, key=str.encode)
        self.bodies[key] = body

    def delete(self, key: str) -> None:
        if self.bodies.pop(key, None) is not None:
            self.keys.remove(key)

    def page(self, after: str) -> bytes:
        """One answer to ListObjectsV2; its continuation token is the last key."""
        start = bisect_right(self.keys, after.encode(), key=str.encode)
        keys = self.keys[start : start + PAGE]
        more = start + PAGE < len(self.keys)
        entries = "".join(
            f"<Contents><Key>{escape(key)}</Key><LastModified>{MODIFIED}</LastModified><ETag>&quot;{etag(self.bodies[key])}&quot;</ETag>"
            f"<Size>{len(self.bodies[key])}</Size><StorageClass>STANDARD</StorageClass></Contents>"
            for key in keys
        )
        token = f"<NextContinuationToken>{escape(keys[-1])}</NextContinuationToken>" if more else ""
        return (
            f'<?xml version="1.0" encoding="UTF-8"?><ListBucketResult><Name>documents</Name><KeyCount>{len(keys)}</KeyCount>'
            f"<IsTruncated>{str(more).lower()}</IsTruncated>{token}{entries}</ListBucketResult>"
        ).encode()


def etag(body: bytes) -> str:
    return hashlib.md5(body, usedforsecurity=False).hexdigest()


def handler(objects: Objects) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = parse_qs(parts.query, keep_blank_values=True)
            if "list-type" in query:
                after = (query.get("continuation-token") or query.get("start-after") or [""])[0]
                self._answer(200, objects.page(after), {"Content-Type": "application/xml"})
                return
            body = objects.bodies.get(self._key())
            if body is None:
                self._answer(404, b"")
                return
            low, _, high = self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")
            part = body[int(low) : int(high or len(body)) + 1]
            self._answer(206, part, {"ETag": f'"{etag(body)}"', "Content-Range": f"bytes {low}-{int(low) + len(part) - 1}/{len(body)}"})

        def do_HEAD(self) -> None:
            body = objects.bodies.get(self._key())
            self._answer(404 if body is None else 200, body or b"", {"ETag": f'"{etag(body or b"")}"'})

        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            objects.put(self._key(), body)
            self._answer(200, b"", {"ETag": f'"{etag(body)}"'})

        def do_DELETE(self) -> None:
            objects.delete(self._key())
            self._answer(204, b"")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing: the client is what is measured."""

        def _key(self) -> str:
            return unquote(urlsplit(self.path).path).removeprefix("/documents/")

        def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

    return Handler


@contextlib.contextmanager
def object_server(count: int) -> Iterator[str]:
    """Yield the endpoint of a server with that many objects in the bucket `documents`, in a process of its own."""
    with subprocess.Popen([sys.executable, "-m", "benchmarks.object_server", str(count)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.kill()


def main() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(Objects(int(sys.argv[1]))))
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
