"""The server as a process of its own."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest
from typer.testing import CliRunner

from docpipe.cli.main import app
from tests.environment import remaining_variables
from tests.servers import free_port

STARTUP_SECONDS = 120.0
DOCPIPE = [sys.executable, "-c", "from docpipe.cli import main; main()", "monitor"]


@contextmanager
def serving(home: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    environment = {**remaining_variables(), "DOCPIPE_HOME": str(home), "DOCPIPE_LOG_FORMAT": "json"}
    process = subprocess.Popen([*DOCPIPE, "--port", str(port)], env=environment, cwd=home, stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + STARTUP_SECONDS
        while time.monotonic() < deadline and process.poll() is None:
            try:
                urlopen(f"http://127.0.0.1:{port}/health/live", timeout=10).close()
                break
            except OSError:
                time.sleep(0.1)
        yield process
    finally:
        process.kill()
        process.communicate(timeout=30)


def test_it_serves_until_it_is_told_to_stop(tmp_path: Path) -> None:
    port = free_port()
    with serving(tmp_path, port) as process:
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
            assert b"docpipe_open_batches 0.0" in answer.read()
        # A second one on the same port says so.
        second = subprocess.run(
            [*DOCPIPE, "--port", str(port)],
            env={**remaining_variables(), "DOCPIPE_HOME": str(tmp_path)},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=STARTUP_SECONDS,
            check=False,
        )
        assert second.returncode == 2
        assert "--port" in second.stderr
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=60)
        assert (process.returncode, "Traceback" in said) == (0, False)


@pytest.mark.parametrize("port", ["0", "65536", "http"])
def test_what_is_no_port_is_wrong_usage(port: str) -> None:
    assert CliRunner().invoke(app, ["monitor", "--port", port]).exit_code == 2
