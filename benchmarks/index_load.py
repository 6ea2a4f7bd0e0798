"""How fast points get into the embedded index, and what they cost there.

    python -m benchmarks.index_load [--points 200000 1000000]

Made-up documents of 20 chunks (384 dimensions, about 1 kB of text, payload and terms like real ones) go through
`EdgeWriter.replace` in groups of 64, as the stage writes them, in one session. Then one more batch of 2,000 points,
which is what a run of a hundred documents adds to a large index, and a reader that opens it. Each size runs in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import shutil
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from benchmarks.index_points import CHUNKS, MadePoints, made_collection
from benchmarks.result import RESULTS, publish, show
from docpipe.index import Selection
from docpipe.index.collection import Collection
from docpipe.index.edge import EdgeReader, EdgeWriter
from docpipe.index.edge.compaction import Plan, segments
from docpipe.index.edge.place import Place

BATCH_POINTS = 2_000


class TimedWriter(EdgeWriter):
    """Knows what it spent its time on, by wall clock."""

    def __init__(self, folder: Path, collection: Collection) -> None:
        self.optimizing = 0.0
        self.showing = 0.0
        super().__init__(folder, collection, 0)

    def _optimize(self, plan: Plan) -> bool:
        began = time.perf_counter()
        try:
            return super()._optimize(plan)
        finally:
            self.optimizing += time.perf_counter() - began

    def _show(self) -> None:
        began, before = time.perf_counter(), self.optimizing
        super()._show()
        self.showing += time.perf_counter() - began - (self.optimizing - before)


def load(folder: Path, collection: Collection, made: MadePoints, points: int) -> dict[str, Any]:
    """Fill a new collection; what was spent on making the documents is left out."""
    wall = spent = 0.0
    written = 0
    with closing(TimedWriter(folder, collection)) as writer:
        for group in made.groups(range(points // CHUNKS)):
            began, cpu = time.perf_counter(), time.process_time()
            writer.replace(group)
            wall += time.perf_counter() - began
            spent += time.process_time() - cpu
            written += len(group) * CHUNKS
            if written % 64_000 < len(group) * CHUNKS:
                print(f"{written:,} points, {written / wall:,.0f} a second", flush=True)
        began, cpu = time.perf_counter(), time.process_time()
    wall += time.perf_counter() - began
    spent += time.process_time() - cpu
    return {
        "points": written,
        "seconds": wall,
        "points_per_second": written / wall,
        "writer_cpu_s": spent,
        "optimizer_cpu_s": _children(),
        "optimize_s": writer.optimizing,
        "show_s": writer.showing,
        "writer_peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "optimizer_peak_mb": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024,
        "disk_mb": disk_bytes(folder) / 1e6,
        "segments": len(_segments(folder)),
        "largest_segment": max(segment.points for segment in _segments(folder)),
    }


def measure(points: int) -> dict[str, Any]:
    made, collection = MadePoints(), made_collection()
    with tempfile.TemporaryDirectory(prefix="docpipe-index-load-") as home:
        folder = Path(home) / collection.name
        row = load(folder, collection, made, points)
        row |= _one_more_batch(folder, collection, made, points)
        question, text = made.questions(1)[0]
        with _timed("reader_first_hit") as first, closing(EdgeReader(folder, collection)) as reader:
            found = reader.search(question, text, 10, Selection())
        row |= first
        if len(found) != 10:
            raise SystemExit(f"{len(found)} hits instead of 10")
        shutil.rmtree(folder)
    return row


def disk_bytes(folder: Path) -> int:
    """Room on the disk; files that generations share count once."""
    about = {(one := file.stat()).st_ino: one.st_blocks * 512 for file in folder.rglob("*") if file.is_file()}
    return sum(about.values())


def _one_more_batch(folder: Path, collection: Collection, made: MadePoints, points: int) -> dict[str, Any]:
    first = points // CHUNKS
    groups = list(made.groups(range(first, first + BATCH_POINTS // CHUNKS)))
    writer = EdgeWriter(folder, collection, 0)
    with _timed("batch_replace") as replaced:
        for group in groups:
            writer.replace(group)
    with _timed("batch_close") as closed:
        writer.close()
    return replaced | closed


@contextmanager
def _timed(name: str) -> Iterator[dict[str, Any]]:
    """Seconds by the wall, and of processors."""
    row: dict[str, Any] = {}
    wall, cpu = time.perf_counter(), time.process_time()
    yield row
    row |= {f"{name}_s": time.perf_counter() - wall, f"{name}_cpu_s": time.process_time() - cpu}


def _segments(folder: Path) -> list[Any]:
    place = Place(folder)
    shown = place.shown()
    return segments(place.generation(shown.number)) if shown else []


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description="How fast points get into the embedded index, and what they cost there.")
    parser.add_argument("--points", type=int, nargs="+", default=[200_000])
    sizes = parser.parse_args().points
    kept = RESULTS / "index_load.json"
    rows = {row["points"]: row for row in json.loads(kept.read_text())["rows"]} if kept.exists() else {}
    for size in sizes:
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
            row = process.submit(measure, size).result()
        show("index_load", [row])
        rows[row["points"]] = row
        path = publish("index_load", [rows[points] for points in sorted(rows)], batch_points=BATCH_POINTS, load_average=os.getloadavg()[0])
    print(path)


if __name__ == "__main__":
    main()
