"""The container of a worker is asked how it is by looking at one file, which a real worker keeps fresh."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from pathlib import Path

from tests import servers
from tests.end_to_end.cluster import kill, start
from tests.environment import remaining_variables

PROJECT = Path(__file__).parents[2]
PATIENCE = 120.0
AN_HOUR = 3_600


def probe(home: Path) -> bool:
    """What the HEALTHCHECK of the image says."""
    found = re.search(r'HEALTHCHECK .*CMD \["sh", "-c", "(find .*?)"\]$', (PROJECT / "docker" / "Dockerfile").read_text(), re.MULTILINE)
    assert found
    command = ["sh", "-c", found[1].replace('\\"', '"')]
    environment = {"DOCPIPE_HOME": str(home), "PATH": os.environ["PATH"]}
    return subprocess.run(command, env=environment, capture_output=True, check=False).returncode == 0


def wait_for(home: Path, healthy: bool, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while probe(home) is not healthy:
        assert time.monotonic() < deadline, log.read_text()[-3000:]
        time.sleep(0.2)


def test_a_worker_is_alive_while_it_talks_with_its_queue(tmp_path: Path) -> None:
    home, log = tmp_path / "home", tmp_path / "worker.log"
    home.mkdir()
    assert not probe(home)
    with servers.redis() as redis_url:
        environment = remaining_variables() | {"DOCPIPE_HOME": str(home), "DOCPIPE_EXECUTOR": "celery", "REDIS_URL": redis_url}
        process, _ = start(["docpipe", "worker", "io"], environment, log)
        try:
            wait_for(home, healthy=True, log=log)
            process.send_signal(signal.SIGSTOP)
            _make_old(home)
            assert not probe(home)
            process.send_signal(signal.SIGCONT)
            wait_for(home, healthy=True, log=log)
            process.terminate()
            assert process.wait(PATIENCE) == 0
            assert not probe(home), "a worker that has ended is not alive"
        finally:
            kill(process)


def _make_old(home: Path) -> None:
    (pulse,) = home.glob("worker.*")
    before = time.time() - AN_HOUR
    os.utime(pulse, (before, before))
