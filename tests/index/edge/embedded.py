"""One embedded collection in a folder, and processes that write to it and die."""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from docpipe.index import Entry
from docpipe.index.edge import EdgeReader, EdgeWriter
from tests.index.entries import COLLECTION

ROOT = Path(__file__).parents[3]

_PROGRAM = """
import os, sys
from pathlib import Path
from docpipe.index.edge import EdgeCatalog, EdgeReader, EdgeWriter, catalog, generation, optimizer, place, reader, writer
from tests.index.entries import COLLECTION, entry

def die(*_, **__):
    os.kill(os.getpid(), 9)

folder = Path(sys.argv[1])
index = EdgeWriter(folder, COLLECTION, 0.5)
"""


def collection_folder(root: Path) -> Path:
    return root / COLLECTION.name


def write(folder: Path, *entries: Entry) -> None:
    with closing(EdgeWriter(folder, COLLECTION, 5.0)) as writer:
        writer.replace(entries)


def stored(folder: Path) -> dict[tuple[str, int], int]:
    """What a reader that opens now is shown."""
    with closing(EdgeReader(folder, COLLECTION)) as reader:
        return {(key, generation): points for key, generation, points in reader.inventory()}


def run(folder: Path, program: str) -> subprocess.CompletedProcess[str]:
    """Run a program that has `index`, a writer, in a process of its own."""
    return subprocess.run([sys.executable, "-c", _PROGRAM + program, str(folder)], capture_output=True, text=True, check=False, cwd=ROOT)


def run_until_killed(folder: Path, program: str) -> None:
    done = run(folder, program)
    assert done.returncode == -signal.SIGKILL, done.stderr


def start(folder: Path, program: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", _PROGRAM + program, str(folder)], stdout=subprocess.PIPE, text=True, cwd=ROOT)
