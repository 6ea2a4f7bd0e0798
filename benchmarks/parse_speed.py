"""How fast the two lanes are for text that is there: against raw PyMuPDF, in pages per CPU-second, and with two workers.

    python -m benchmarks.parse_speed [--documents 30] [--corpus ../shared/corpus/files]

One thread, file by file, each way in turn: PyMuPDF's `text`, `blocks` and `dict` of every page in a process of its own
(`dict` is the least that carries what we keep: position, font and size), then the stage's tasks in this one. Opening the
file is part of all of them, and so is the JSON between our processes. `text reader` is the reader alone, `text lane` has
the router's choice of it as well; `whole stage` has the assembly of the document. Then the stage in its worker
processes, one and two: pages per second of wall time, from the first document's end to the last's, so that starting the
workers does not count.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import pymupdf

from benchmarks.documents import make_documents
from benchmarks.inline_stage import InlinePool, item, parse, perform
from benchmarks.result import PROJECT, publish
from docpipe.isolate import Result, Task
from docpipe.parse.page import route
from docpipe.parse.stage import ParseStage
from docpipe.settings import Settings, load_settings
from docpipe.stage import Made

REAL = ("layout-parser-paper-fast.pdf", "multi-column-2p.pdf", "multi_page.pdf", "normal_4pages.pdf", "table_of_contents_01.pdf")
"""Of the shared corpus: born digital, without pictures of pages, 2 to 13 pages."""
TEXT = {"layout": False, "ocr": False}
LAYOUT = {"layout": True, "ocr": False, "route_prose": False}
REPEATS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=30)
    parser.add_argument("--corpus", type=Path, default=PROJECT.parent / "shared" / "corpus" / "files")
    arguments = parser.parse_args()
    # Of this process alone: it makes one thread of the model's many, and hides torch.
    import_module("docpipe.parse.preload")
    with TemporaryDirectory(prefix="docpipe-bench-") as scratch:
        paths = make_documents(Path(scratch) / "made", arguments.documents)
        paths += [path for name in REAL if (path := arguments.corpus / name).exists()]
        settings = load_settings(home=Path(scratch) / "home")
        rows = in_process(paths, settings)
        publish("parse_speed", rows, **targets(rows), workers=with_workers(paths, settings))


def in_process(paths: Sequence[Path], settings: Settings) -> list[dict[str, Any]]:
    """Pages per CPU-second of every way: the best round for each file, since other work on the machine only slows."""
    best: dict[str, list[dict[str, float]]] = defaultdict(list)
    with raw_pymupdf() as raw:
        ways: dict[str, Callable[[Path], dict[str, float]]] = {f"PyMuPDF {kind}": partial(raw, kind) for kind in ("text", "blocks", "dict")}
        ways["text reader"] = _lane(settings.model_copy(update=TEXT), forced="text")
        ways["text lane"] = _lane(settings.model_copy(update=TEXT))
        ways["layout lane"] = _lane(settings.model_copy(update=LAYOUT))
        for way in ways.values():
            way(paths[0])
        for path in paths:
            rounds: dict[str, list[dict[str, float]]] = defaultdict(list)
            for number in range(REPEATS):
                for name, way in ways.items():
                    if name != "layout lane" or number == 0:
                        rounds[name].append(way(path))
            for name, spent in rounds.items():
                best[name].append({part: min(one[part] for one in spent) for part in spent[0]})
    pages = sum(pages_of(path) for path in paths)
    rows = []
    for name, spent in best.items():
        for part in spent[0]:
            seconds = sum(one[part] for one in spent)
            rows.append(
                {
                    "way": f"{name}{part}",
                    "pages": pages,
                    "ms_per_page": round(seconds / pages * 1e3, 2),
                    "pages_per_cpu_s": round(pages / seconds, 1),
                }
            )
    return rows


def pages_of(path: Path) -> int:
    with pymupdf.open(path) as document:
        return int(document.page_count)


@contextmanager
def raw_pymupdf() -> Iterator[Callable[[str, Path], dict[str, float]]]:
    """A process that reads files with PyMuPDF alone."""
    command = [sys.executable, "-m", "benchmarks.raw_pymupdf"]
    with subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        questions, answers = process.stdin, process.stdout

        def ask(kind: str, path: Path) -> dict[str, float]:
            questions.write(f"{kind} {path}\n")
            return {"": float(answers.readline())}

        yield ask
        questions.close()


def _lane(settings: Settings, forced: str = "") -> Callable[[Path], dict[str, float]]:
    choice = patch.object(route, "choose", lambda *_, **__: route.Route(forced, "all pages")) if forced else nullcontext()

    def read(path: Path) -> dict[str, float]:
        spent: dict[str, float] = defaultdict(float)

        def timed(task: Task) -> Result:
            started = time.process_time()
            result = perform(task)
            spent[task.function] += time.process_time() - started
            return result

        started = time.process_time()
        with choice:
            parse(path, settings, InlinePool(timed))
        return {"": spent["docpipe.parse.page.pages:read"], ", whole stage": time.process_time() - started}

    return read


def targets(rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    """The text reader and lane against raw PyMuPDF, and the layout lane's pages per CPU-second."""
    speed = {row["way"]: row["pages_per_cpu_s"] for row in rows}
    found = {
        f"{way.replace(' ', '_')}_against_{kind}": round(speed[way] / speed[f"PyMuPDF {kind}"], 2)
        for way in ("text reader", "text lane")
        for kind in ("text", "blocks", "dict")
    }
    return found | {"layout_pages_per_cpu_s": speed["layout lane"]}


def with_workers(paths: Sequence[Path], settings: Settings) -> list[dict[str, Any]]:
    """Pages per second of wall time by the number of workers."""
    rows = []
    for lane, changes in (("text", TEXT), ("layout", LAYOUT)):
        # The text lane alone would be over before two workers have started.
        rounds = range(8 if lane == "text" else 1)
        items = [item(path, f"{path.name} {number}") for number in rounds for path in paths]
        speed: dict[int, float] = {}
        for workers in (1, 2):
            chosen = settings.model_copy(update={**changes, "workers": workers})
            ends, pages = [], []
            for outcome in ParseStage(chosen).process(items):
                assert isinstance(outcome, Made), outcome
                ends.append(time.perf_counter())
                pages.append(outcome.counts["pages"])
            speed[workers] = sum(pages[1:]) / (ends[-1] - ends[0])
        rows.append({"lane": lane, "one": round(speed[1], 1), "two": round(speed[2], 1), "gain": round(speed[2] / speed[1], 2)})
    publish("parse_speed_workers", rows)
    return rows


if __name__ == "__main__":
    main()
