"""Starts the servers that tests need, on free ports of this machine, and stops them."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

POSTGRES_URL = os.environ.get("DOCPIPE_TEST_POSTGRES_URL", "")
"""Read when the tests are loaded: fixtures clean the environment later."""

_STARTUP_SECONDS = 60.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextlib.contextmanager
def postgres() -> Iterator[str]:
    """Yield the URL of a Postgres server's maintenance database; skips where there is no server to start."""
    if POSTGRES_URL:
        yield POSTGRES_URL
        return
    binaries = postgres_binaries()
    if binaries is None:
        pytest.skip("no Postgres here: neither initdb and postgres nor DOCPIPE_TEST_POSTGRES_URL")
    user = unprivileged()
    folder = Path(tempfile.mkdtemp(prefix="docpipe-postgres-"))
    port = free_port()
    try:
        if user is not None:
            os.chown(folder, user.pw_uid, user.pw_gid)
        identity = {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": str(folder)}
        initdb = [str(binaries / "initdb"), "-D", str(folder / "data"), "-U", "docpipe", "-E", "UTF8", "--auth=trust", "--no-sync"]
        subprocess.run(initdb, check=True, capture_output=True, cwd=folder, env=environment, timeout=_STARTUP_SECONDS, **identity)  # type: ignore[call-overload]
        # Nothing is kept beyond the tests, so nothing needs to survive a power cut.
        options = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "fsync": "off",
            "port": str(port),
            "max_connections": "200",
        }
        serve = [str(binaries / "postgres"), "-D", str(folder / "data")]
        for name, value in options.items():
            serve += ["-c", f"{name}={value}"]
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(serve, stdout=log, stderr=log, cwd=folder, env=environment, **identity)  # type: ignore[call-overload]
        try:
            await_port(port, server, folder / "log")
            yield f"postgresql://docpipe@127.0.0.1:{port}/postgres"
        finally:
            # Unlike SIGTERM, SIGINT does not wait for the sessions that a test left open.
            server.send_signal(2)
            server.wait(timeout=_STARTUP_SECONDS)
    finally:
        shutil.rmtree(folder)


@contextlib.contextmanager
def redis() -> Iterator[str]:
    """Yield the URL of a Redis server that keeps everything in memory; skips where there is no server to start."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("no redis-server here")
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="docpipe-redis-") as folder:
        log = Path(folder) / "log"
        command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        with log.open("wb") as output:
            server = subprocess.Popen(command, stdout=output, stderr=output, cwd=folder)
        try:
            await_port(port, server, log)
            yield f"redis://127.0.0.1:{port}"
        finally:
            server.kill()
            server.wait(timeout=_STARTUP_SECONDS)


@contextlib.contextmanager
def s3() -> Iterator[str]:
    """Yield the URL of an S3 server without any bucket."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


@contextlib.contextmanager
def web() -> Iterator[tuple[str, list[str]]]:
    """Yield the URL of a web server and the paths that were asked of it so far."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()

        do_HEAD = do_OPTIONS = do_GET  # noqa: N815 - the names are those of HTTP

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
            """Keep quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = Thread(target=listening.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.server_port}", asked
        finally:
            listening.shutdown()
            thread.join()


def postgres_binaries() -> Path | None:
    folders = [Path(folder) for folder in os.environ["PATH"].split(os.pathsep)]
    # The highest version first.
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
    return next((folder for folder in folders if (folder / "initdb").exists() and (folder / "postgres").exists()), None)


def unprivileged() -> pwd.struct_passwd | None:
    """The user to start Postgres as, which refuses to run as root; None: the present one will do."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    pytest.skip("Postgres does not run as root, and there is no user postgres or nobody")


def await_port(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _STARTUP_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise RuntimeError(f"a server did not start: {log.read_text()}")
