"""Many documents of one paragraph through the embedded default: what a document costs, and whether that grows with their number.

    python -m benchmarks.small_documents [--documents 100 1000 10000]

Every setting is the default, the sensor's 30 s between two looks as well; so a document costs what the runs' seconds and
all processes' processor time say, and the wall time of the smallest size is mostly waiting. The memory of all
processes over time stands in the file.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.documents import make_tiny_documents
from benchmarks.end_to_end import measure
from benchmarks.result import publish


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, nargs="+", default=[100, 1_000, 10_000])
    arguments = parser.parse_args()
    with TemporaryDirectory(prefix="docpipe-bench-") as scratch:
        rows = [with_costs(count, measure_size(count, Path(scratch) / str(count))) for count in arguments.documents]
    publish("small_documents", rows)


def measure_size(count: int, home: Path) -> dict[str, Any]:
    return measure(str(count), home, partial(make_tiny_documents, count=count), changed={})


def with_costs(count: int, row: dict[str, Any]) -> dict[str, Any]:
    """The row with its costs of one document."""
    return {
        **row,
        "documents_per_s": round(count / row["runs_s"], 1),
        "run_ms_each": round(row["runs_s"] / count * 1e3, 1),
        "cpu_ms_each": round(row["cpu_s"] / count * 1e3, 1),
        "events_kb_each": round(row["events_mb"] / count * 1e3, 1),
    }


if __name__ == "__main__":
    main()
