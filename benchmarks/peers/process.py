"""Runs one competitor in a process of its own and watches it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from typing import IO, Any

import psutil

from benchmarks.peers.peer import Job
from benchmarks.process_tree import ProcessTree
from benchmarks.result import PROJECT

LONGEST = 3_600.0
"""Seconds after which a competitor is given up."""


class PeerFailed(Exception):
    """A competitor that did not finish its job; the others go on."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """What one job cost, and what came of it."""

    seconds: float
    """From the loaded model to the last stored vector."""
    cpu_seconds: float
    """Of all processes in that time."""
    peak_bytes: int
    """Proportional set size of all processes in that time, the loaded model included."""
    points: int
    tokens: int
    """Of all points, as far as the model reads them."""
    cut: int
    """Points with more tokens than the model reads: the rest of them is in no vector."""
    files: tuple[str, ...]
    """With at least one point."""
    found: Mapping[str, list[tuple[str, int]]]
    """File and page of what each question found, best first."""


def measure(python: Path, job: Job, log: Path) -> Measurement:
    """Do the job with an interpreter that has the peer installed; raises `PeerFailed` with what the peer said last."""
    with log.open("wb") as errors, _process(python, job, errors) as process:
        assert process.stdout
        try:
            _answer(process.stdout)
            with ProcessTree(process.pid) as tree:
                cost = _answer(process.stdout)
            holdings = _holdings(_answer(process.stdout))
        except (ValueError, TypeError) as error:
            raise PeerFailed(_last_words(log) or f"no answer ({error})") from error
    if not holdings["points"]:
        raise PeerFailed(f"nothing was stored: {_last_words(log)}")
    return Measurement(peak_bytes=tree.peak_bytes, **cost, **holdings)


def _holdings(answer: dict[str, Any]) -> dict[str, Any]:
    found = {question: [(str(file), int(page)) for file, page in places] for question, places in answer["found"].items()}
    return answer | {"files": tuple(answer["files"]), "found": found}


def _answer(output: IO[str]) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(output.readline())
    return answer


def _last_words(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1].strip() if lines else ""


@contextmanager
def _process(python: Path, job: Job, errors: IO[bytes]) -> Iterator[subprocess.Popen[str]]:
    command = [str(python), "-m", "benchmarks.peers.measure", job.to_json()]
    process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=errors, text=True)
    assert process.stdout
    timer = Timer(LONGEST, _kill, [process.pid])
    timer.start()
    try:
        yield process
        process.wait()
    finally:
        timer.cancel()
        if process.poll() is None:
            _kill(process.pid)
            process.wait()
        process.stdout.close()


def _kill(pid: int) -> None:
    """End a process and all its descendants, the daemons among them too."""
    try:
        process = psutil.Process(pid)
        family = [*process.children(recursive=True), process]
    except psutil.NoSuchProcess:
        return
    for member in family:
        try:
            member.kill()
        except psutil.NoSuchProcess:
            continue
