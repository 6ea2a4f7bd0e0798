"""Servers that can be taken away in the middle of things and brought back."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.servers import await_port, free_port, postgres_binaries, unprivileged

_PIECE = 65_536


class Gate:
    """A port that leads to a server's: closed, it refuses connections and breaks those that it had let through."""

    def __init__(self, target: int) -> None:
        self.port = free_port()
        self._target = target
        self._sockets: set[socket.socket] = set()
        self._listening: socket.socket | None = None

    def open(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", self.port), backlog=100)
        threading.Thread(target=self._accept, args=(self._listening,), daemon=True).start()

    def close(self) -> None:
        listening, self._listening = self._listening, None
        for one in (listening, *list(self._sockets)):
            if one is not None:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
                one.close()
        self._sockets.clear()

    def _accept(self, listening: socket.socket) -> None:
        while self._listening is listening:
            try:
                near, _ = listening.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                near.close()
                continue
            self._sockets |= {near, far}
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=(source, sink), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(_PIECE):
                sink.sendall(piece)
        for one in (source, sink):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            self._sockets.discard(one)


class Server:
    """A process on a port that dies by kill -9 and comes back on the same one, with whatever it had written."""

    def __init__(self, command: Sequence[str], port: int, folder: Path, **identity: Any) -> None:
        self.port = port
        self._command = list(command)
        self._folder = folder
        self._identity = identity
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        log = self._folder / "log"
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                self._command, cwd=self._folder, stdout=output, stderr=output, start_new_session=True, **self._identity
            )
        await_port(self.port, self._process, log)

    def kill(self) -> None:
        if self._process and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


@contextlib.contextmanager
def redis() -> Iterator[Server]:
    """Keeps nothing on disk: what it had is gone."""
    port = free_port()
    with _folder() as folder:
        command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        yield from _running(Server(command, port, folder))


@contextlib.contextmanager
def postgres() -> Iterator[Server]:
    """Its maintenance database is `postgresql://docpipe@127.0.0.1:<port>/postgres`."""
    port, binaries, user = free_port(), postgres_binaries(), unprivileged()
    assert binaries, "no Postgres here"
    with _folder() as folder:
        identity: dict[str, Any] = {"env": {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": str(folder)}}
        if user is not None:
            os.chown(folder, user.pw_uid, user.pw_gid)
            identity |= {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        initdb = [str(binaries / "initdb"), "-D", str(folder / "data"), "-U", "docpipe", "-E", "UTF8", "--auth=trust", "--no-sync"]
        subprocess.run(initdb, check=True, capture_output=True, cwd=folder, **identity)
        options = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "port": str(port), "max_connections": "200"}
        settings = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        yield from _running(Server([str(binaries / "postgres"), "-D", str(folder / "data"), *settings], port, folder, **identity))


@contextlib.contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """A file system of its own; needs root."""
    folder.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)], check=True)  # noqa: S607
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)  # noqa: S607


def fill(folder: Path) -> Path:
    """Leave no room on the disk that the folder lies on; returns the file that takes it."""
    filler = folder / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4_096))
    return filler


def _running(server: Server) -> Iterator[Server]:
    server.start()
    try:
        yield server
    finally:
        server.kill()


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="docpipe-faults-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
