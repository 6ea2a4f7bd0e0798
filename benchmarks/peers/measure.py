"""One competitor doing one job in a process of its own.

    python -m benchmarks.peers.measure '{"peer": "benchmarks.peers.haystack", …}'

Three lines of JSON come back on standard output: one when the model is loaded, one with what storing cost as soon as
everything is stored, and one with what is stored and what was found. Whatever the peer prints goes to standard error.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any, TextIO

import psutil

from benchmarks.peers.peer import Job, Peer

OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "HAYSTACK_TELEMETRY_ENABLED": "False",
    "LANGCHAIN_TRACING_V2": "false",
    "COCOINDEX_DISABLE_USAGE_TRACKING": "1",
    "ANONYMIZED_TELEMETRY": "False",
}
"""Set before any peer is imported: none of them may report to anybody or look for a newer model."""


def main() -> None:
    answers = _own_output()
    for name, value in OFFLINE.items():
        os.environ.setdefault(name, value)
    job = Job.from_json(sys.argv[1])
    peer: Peer = import_module(job.peer).open_peer(job)
    _say(answers, {"ready": job.peer})
    wall, cpu = time.perf_counter(), cpu_seconds()
    peer.store()
    _say(answers, {"seconds": time.perf_counter() - wall, "cpu_seconds": cpu_seconds() - cpu})
    _say(answers, {**_holdings(peer, job), "found": _found(peer, job)})


def _own_output() -> TextIO:
    """Keep standard output for the answers; what anybody else writes there goes to standard error."""
    ours = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return ours


def _say(answers: TextIO, answer: dict[str, Any]) -> None:
    print(json.dumps(answer), file=answers, flush=True)


def cpu_seconds() -> float:
    """Of this process, of its descendants that are alive, and of all those that have ended."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    alive = 0.0
    for child in psutil.Process().children(recursive=True):
        try:
            times = child.cpu_times()
        except psutil.NoSuchProcess:
            continue
        alive += times.user + times.system + times.children_user + times.children_system
    return usage.ru_utime + usage.ru_stime + ended.ru_utime + ended.ru_stime + alive


def _holdings(peer: Peer, job: Job) -> dict[str, Any]:
    """Points, their tokens, and how many of them are longer than the model reads."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(Path(job.model) / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    window = json.loads((Path(job.model) / "sentence_bert_config.json").read_text())["max_seq_length"]
    points = tokens = cut = 0
    files: set[str] = set()
    for stored in peer.stored():
        length = len(tokenizer.encode(stored.text).ids)
        points += 1
        tokens += min(length, window)
        cut += length > window
        files.add(stored.place.file)
    return {"points": points, "tokens": tokens, "cut": cut, "files": sorted(files)}


def _found(peer: Peer, job: Job) -> dict[str, list[tuple[str, int]]]:
    """Files and pages by question, best first."""
    if not job.questions:
        return {}
    questions: dict[str, str] = json.loads(Path(job.questions).read_text(encoding="utf-8"))
    found = {name: peer.find(text, job.passages) for name, text in questions.items()}
    return {name: [(place.file, place.page) for place in places] for name, places in found.items()}


if __name__ == "__main__":
    main()
