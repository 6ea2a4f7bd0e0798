"""How fast and how surely the embedded index finds, and what its settings change.

    python -m benchmarks.index_search [--points 200000] [--quantization none int8 binary] [--folder FOLDER]

Questions are vectors near those of the stored chunks, and words of their topic. Recall is against
comparing every vector. The last rows are
searched while another process writes batches of 2,000 points to the same index. `--folder` keeps the indexes.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import qdrant_edge as edge
from numpy.typing import NDArray

from benchmarks.index_load import BATCH_POINTS, load
from benchmarks.index_points import CHUNKS, DIMENSION, MadePoints, made_collection
from benchmarks.result import publish
from docpipe.index import Match, Selection
from docpipe.index.collection import DENSE, OVERSAMPLING, SPARSE, Collection
from docpipe.index.contract import Fusion
from docpipe.index.edge import EdgeReader, EdgeWriter
from docpipe.index.edge.generation import open_generation
from docpipe.index.edge.place import Place
from docpipe.index.sparse import query_terms

QUESTIONS = 300
BREADTHS = (64, 128, 256)
_CLASS = "report"

Row = dict[str, Any]
Question = tuple[NDArray[np.float32], str]


class Clock:
    """Wall time of each query, and the processor time that all its threads took: what it would take on a machine of its own."""

    def __init__(self) -> None:
        self.wall: list[float] = []
        self.cpu: list[float] = []

    def time(self, ask: Callable[[], Any]) -> Any:
        cpu, wall = time.process_time(), time.perf_counter()
        found = ask()
        self.wall.append(time.perf_counter() - wall)
        self.cpu.append(time.process_time() - cpu)
        return found

    @property
    def row(self) -> Row:
        return {
            f"{name}p{percent}_ms": float(np.percentile(times, percent)) * 1e3
            for name, times in (("", self.wall), ("cpu_", self.cpu))
            for percent in (50, 99)
        }


def search_engine(folder: Path, collection: Collection, made: MadePoints) -> list[Row]:
    """The searches alone, in the engine."""
    questions = made.questions(QUESTIONS)
    generation = open_generation(Place(folder))
    if generation is None:
        raise SystemExit(f"{folder} holds no index")
    shard = generation.shard

    def ask(question: Question, params: edge.SearchParams) -> list[str]:
        request = edge.QueryRequest(limit=10, query=edge.Query.Nearest(question[0].tolist(), using=DENSE), params=params)
        return [str(point.id) for point in shard.query(request)]

    exact = edge.SearchParams(exact=True, quantization=edge.QuantizationSearchParams(ignore=True))
    truth = [set(ask(question, exact)) for question in questions]
    rows: list[Row] = []
    factor = OVERSAMPLING.get(collection.quantization)
    ways: list[tuple[str, bool, float | None]] = [("dense", False, None)]
    if factor:
        ways = [("dense, not rescored", False, None), ("dense, rescored", True, None), (f"dense, rescored, {factor:g} times", True, factor)]
    for name, rescore, oversampling in ways:
        quantization = edge.QuantizationSearchParams(rescore=rescore, oversampling=oversampling) if factor else None
        for breadth in BREADTHS:
            params = edge.SearchParams(hnsw_ef=breadth, quantization=quantization)
            found, times = _timed(partial(ask, params=params), questions)
            hits = sum(len(right.intersection(one)) for one, right in zip(found, truth, strict=True))
            rows.append({"search": name, "breadth": breadth, "recall_at_10": hits / (10 * QUESTIONS), **times})
    by_terms = [_terms(text) for _, text in questions]
    clock = Clock()
    for terms in by_terms:
        clock.time(partial(shard.query, edge.QueryRequest(limit=10, query=edge.Query.Nearest(terms, using=SPARSE))))
    rows.append({"search": "sparse", **clock.row})
    generation.close()
    return rows


def search_reader(folder: Path, collection: Collection, made: MadePoints, points: int) -> list[Row]:
    """What a search of the product asks for: fused, with payload and parts."""
    questions = made.questions(QUESTIONS)
    documents = np.random.default_rng(0).integers(points // CHUNKS, size=50)
    some = Selection(keys=tuple(f"{number:032x}" for number in documents))
    rows = []
    before = psutil.Process().memory_full_info()
    with closing(EdgeReader(folder, collection)) as reader:

        def ask(selection: Selection, breadth: int) -> Callable[[Question], list[Match]]:
            return lambda question: reader.search(question[0], question[1], 10, selection, Fusion(breadth=breadth))

        searches = [("hybrid", Selection(), breadth) for breadth in BREADTHS]
        searches += [("hybrid, 50 documents", some, 128), ("hybrid, one class", Selection(document_classes=(_CLASS,)), 128)]
        for name, selection, breadth in searches:
            _, times = _timed(ask(selection, breadth), questions)
            rows.append({"search": name, "breadth": breadth, **times})
        after = psutil.Process().memory_full_info()
        rows[0] |= {"reader_own_mb": (after.uss - before.uss) / 1e6, "reader_mapped_mb": (after.rss - before.rss) / 1e6}
        rows += _while_written(reader, folder, collection, points, questions)
    return rows


def write_batches(folder: Path, collection: Collection, points: int, batches: int) -> None:
    """What the runs of a pipeline do to the index, one after the other."""
    made = MadePoints()
    first = points // CHUNKS
    each = BATCH_POINTS // CHUNKS
    for batch in range(batches):
        with closing(EdgeWriter(folder, collection, 60)) as writer:
            for group in made.groups(range(first + batch * each, first + (batch + 1) * each)):
                writer.replace(group)


def _while_written(reader: EdgeReader, folder: Path, collection: Collection, points: int, questions: Sequence[Question]) -> list[Row]:
    clock = Clock()
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        writing = process.submit(write_batches, folder, collection, points, 4)
        while not writing.done():
            for vector, text in questions[:50]:
                clock.time(lambda vector=vector, text=text: reader.search(vector, text, 10, Selection()))  # type: ignore[misc]
        writing.result()
    return [{"search": "hybrid, while another process writes", "breadth": Fusion().breadth, **clock.row, "queries": len(clock.wall)}]


def _timed(ask: Callable[[Question], Any], questions: Sequence[Question]) -> tuple[list[Any], Row]:
    """The second of two rounds: an index that is searched lies in memory."""
    for question in questions:
        ask(question)
    clock = Clock()
    found = [clock.time(lambda question=question: ask(question)) for question in questions]  # type: ignore[misc]
    return found, clock.row


def _terms(text: str) -> edge.SparseVector:
    terms = query_terms(text)
    return edge.SparseVector(terms.indices, terms.values)


def main() -> None:
    parser = argparse.ArgumentParser(description="How fast and how surely the embedded index finds.")
    parser.add_argument("--points", type=int, default=200_000)
    parser.add_argument("--quantization", nargs="+", default=["none"], choices=["none", "int8", "binary"])
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="docpipe-index-search-") as home:
        root = arguments.folder or Path(home)
        rows = []
        for quantization in arguments.quantization:
            collection, made = made_collection(quantization), MadePoints()
            folder = root / collection.name
            if not folder.exists():
                load(folder, collection, made, arguments.points)
            with ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), max_tasks_per_child=1) as process:
                found = process.submit(search_engine, folder, collection, made).result()
                found += process.submit(search_reader, folder, collection, made, arguments.points).result()
            rows += [{"quantization": quantization, **row} for row in found]
    path = publish("index_search", rows, points=arguments.points, dimension=DIMENSION, load_average=os.getloadavg()[0])
    print(path)


if __name__ == "__main__":
    main()
