"""Task functions for the tests of the pool: each behaves as some hostile file could make a reader behave."""

from __future__ import annotations

import ctypes
import hashlib
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from docpipe.errors import BucketUnavailable, IndexUnavailable, ParseFailed
from docpipe.isolate import Answer


def double(number: int) -> Answer:
    return {"value": 2 * number, "pid": os.getpid()}, b"x" * number


def digest(data: bytes) -> Answer:
    return {"sha256": hashlib.sha256(data).hexdigest()}, data


def loop_in_python() -> Answer:
    while True:
        pass


def loop_in_c() -> Answer:
    re.match(r"(a+)+$", "a" * 64 + "b")
    return {}, b""


def sleep(seconds: float) -> Answer:
    time.sleep(seconds)
    return {"pid": os.getpid()}, b""


def allocate(mebibytes: int) -> Answer:
    return {}, bytes(mebibytes * 1024 * 1024)[:1]


def keep(mebibytes: int) -> Answer:
    globals()["kept"] = bytearray(b"x") * (mebibytes * 1024 * 1024)
    return {"pid": os.getpid()}, b""


def fail_to_allocate_in_a_library() -> Answer:
    raise RuntimeError("code=1: malloc (4294967296 bytes) failed")


def segfault() -> Answer:
    ctypes.string_at(1)
    return {}, b""


def segfault_once(marker: str) -> Answer:
    if not Path(marker).exists():
        Path(marker).touch()
        ctypes.string_at(1)
    return {"value": 1}, b""


def leave(status: int) -> Answer:
    os.write(2, b"the library has had enough\n")
    os._exit(status)


def be_killed(number: int) -> Answer:
    os.kill(os.getpid(), number)
    time.sleep(60)
    return {}, b""


def large(size: int) -> Answer:
    return {}, bytes(size)


def lie_about_size() -> Answer:
    _write_raw(b"\x00\x00\x00\x02" + b"\xff" * 8 + b"{}")
    return {}, b""


def send_rubbish() -> Answer:
    _write_raw(b"\x00\x00\x00\x04" + bytes(8) + b"nope")
    time.sleep(60)
    return {}, b""


def close_everything() -> Answer:
    os.closerange(3, 100)
    time.sleep(60)
    return {}, b""


def print_noise(lines: int) -> Answer:
    os.write(1, b"from the library, on descriptor 1\n")
    for _ in range(lines):
        sys.stdout.write("y" * 1000 + "\n")
        sys.stderr.write("z" * 1000 + "\n")
    return {"value": "heard"}, b"body"


def raise_parse_failed() -> Answer:
    raise ParseFailed("no reader could make sense of it")


def raise_unavailable() -> Answer:
    raise BucketUnavailable("busy", retry_after=7.5)


def raise_index_unavailable() -> Answer:
    raise IndexUnavailable("busy")


def raise_key_error() -> Answer:
    raise KeyError("gone \udc80")


def not_json() -> Answer:
    return {"value": object()}, b""


def environment() -> Answer:
    return {"names": sorted(os.environ)}, b""


def start_grandchild(record: str) -> Answer:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    Path(record).write_text(str(child.pid))
    loop_in_python()
    return {}, b""


def leave_files(record: str) -> Answer:
    """Fill the temporary folder, then die as a crashing library would."""
    folder = Path(tempfile.mkdtemp())
    (folder / "large").write_bytes(bytes(1024 * 1024))
    with tempfile.NamedTemporaryFile(delete=False) as left:
        left.write(b"left")
    Path(record).write_text(tempfile.gettempdir())
    return segfault()


def mark(record: str, seconds: float) -> Answer:
    """Say which process is at it, and take a while."""
    Path(record).write_text(str(os.getpid()))
    time.sleep(seconds)
    return {}, b""


def _write_raw(data: bytes) -> None:
    os.write(int(sys.argv[2]), data)


def burn(seconds: float) -> Answer:
    """Until so much processor time is used."""
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass
    return {}, b""


def burn_in_a_child(seconds: float) -> Answer:
    program = f"import time\nwhile time.process_time() < {seconds + 0.02}: pass"
    subprocess.run([sys.executable, "-c", program], check=True)
    return {}, b""


def burn_and_crash(seconds: float) -> Answer:
    burn(seconds)
    return segfault()
