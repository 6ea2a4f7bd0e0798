"""Our router against each single reader: quality against pages per CPU-second, on the same files in one run.

    python -m benchmarks.parse_quality [--quick] [--readers router "layout lane" …]
    python -m benchmarks.parse_quality --sweep

The files: generated ones, whose truth is exact (five reports, three papers in two columns, tables with and without
ruling, with merged cells and over two pages, lists, code, a sidebar, a form, Hebrew; one page in ten or so a scan, upright,
turned, skewed or noisy, or with a text layer that lies), and the PDFs of `../shared/corpus` that have a reference
conversion. Files are taken one after the other and every reader in turn reads each, in one process and thread.

`quality` is the mean of text, order, headings and tables (`benchmarks.parse_scores`). The chart goes to
`docs/parse_quality.png`; `--sweep` shows instead what each threshold of the router does to quality and cost.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from importlib import import_module
from operator import add
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.parse_blocks import Case
from benchmarks.parse_chart import draw
from benchmarks.parse_documents import make_cases
from benchmarks.parse_frontier import Point, frontier
from benchmarks.parse_readers import Reader, readers
from benchmarks.parse_references import reference_cases
from benchmarks.parse_scores import Score, score
from benchmarks.result import PROJECT, publish, show

REFERENCES = PROJECT.parent / "shared" / "corpus"


@dataclass(frozen=True, slots=True)
class Reading:
    """One reader on one file."""

    reader: str
    group: str
    pages: int
    score: Score
    cpu_seconds: float
    error: str = ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--quick", action="store_true", help="eight short files, and OCR for those alone that need it: under a minute, nothing kept"
    )
    parser.add_argument("--readers", nargs="*", default=[], help="parts of the names of the readers to compare; default: all")
    parser.add_argument("--sweep", action="store_true", help="the router's thresholds instead of the readers")
    arguments = parser.parse_args()
    # Of this process alone: it makes one thread of the models' many, and hides torch.
    import_module("docpipe.parse.preload")
    with TemporaryDirectory(prefix="docpipe-bench-") as scratch:
        cases = make_cases(Path(scratch) / "made", arguments.quick)
        if not arguments.quick:
            cases += reference_cases(REFERENCES)
        if arguments.sweep:
            from benchmarks.parse_sweep import sweep

            publish("parse_sweep", sweep(cases, Path(scratch)), **mix(cases))
            return
        chosen = [one for one in readers(Path(scratch)) if wanted(one, arguments.readers, arguments.quick)]
        readings = compare(chosen, cases)
    rows, groups = table(readings), by_group(readings)
    if arguments.quick:
        show("parse_quality, quick", rows)
        show("quality by group", groups)
    else:
        publish("parse_quality", rows, **mix(cases), **verdict(rows), errors=[one.error for one in readings if one.error])
        publish("parse_quality_by_group", groups)
        draw([point(row) for row in rows], PROJECT / "docs" / "parse_quality.png")


def wanted(reader: Reader, names: Sequence[str], quick: bool) -> bool:
    if names:
        return any(name.lower() in reader.name.lower() for name in names)
    return not (quick and "all pages" in reader.name)


def compare(chosen: Sequence[Reader], cases: Sequence[Case]) -> list[Reading]:
    """Every reader on every file, after a first file that loads the models and is not counted."""
    for reader in chosen:
        reader.read(cases[0])
    return [read(reader, case) for case in cases for reader in chosen]


def read(reader: Reader, case: Case) -> Reading:
    """CPU time of all threads of this process; a reader that fails has read nothing."""
    started, error = time.process_time(), ""
    try:
        raw = reader.read(case)
    except Exception as problem:  # noqa: BLE001 - another reader's failure is a result
        raw, error = None, f"{reader.name} on {case.name}: {type(problem).__name__}: {problem}"[:300]
    seconds = time.process_time() - started
    found = () if raw is None else reader.blocks(raw)
    return Reading(reader.name, case.group, case.pages, score(case.truth, found, case.knows), seconds, error)


def table(readings: Sequence[Reading]) -> list[dict[str, Any]]:
    """One row for each reader, over all files."""
    return [row(reader, mine) for reader, mine in _by(readings, "reader").items()]


def by_group(readings: Sequence[Reading]) -> list[dict[str, Any]]:
    """One row for each kind of file: every reader's quality."""
    return [
        {"group": group, "pages": sum(one.pages for one in next(iter(_by(mine, "reader").values())))}
        | {reader: round(_total(some).quality, 3) for reader, some in _by(mine, "reader").items()}
        for group, mine in _by(readings, "group").items()
    ]


def row(reader: str, mine: Sequence[Reading]) -> dict[str, Any]:
    total = _total(mine)
    pages = sum(one.pages for one in mine)
    return {
        "reader": reader,
        "quality": round(total.quality, 4),
        "text": _share(total.text.share),
        "order": _share(total.order.share),
        "headings_f1": _share(total.headings.share),
        "tables_teds": _share(total.tables.share),
        "teds_structure": _share(total.structure.share),
        "pages": pages,
        "pages_per_cpu_s": round(pages / sum(one.cpu_seconds for one in mine), 2),
        "failed": sum(bool(one.error) for one in mine),
    }


def _share(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _total(readings: Iterable[Reading]) -> Score:
    return reduce(add, (one.score for one in readings))


def _by(readings: Iterable[Reading], name: str) -> Mapping[str, list[Reading]]:
    found: dict[str, list[Reading]] = defaultdict(list)
    for one in readings:
        found[getattr(one, name)].append(one)
    return found


def point(row: Mapping[str, Any]) -> Point:
    return Point(row["reader"], row["quality"], row["pages_per_cpu_s"])


def verdict(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Where the router stands against the best of the single readers."""
    points = {one.name: one for one in map(point, rows)}
    router = points.pop("our router", None)
    if router is None or not points:
        return {}
    best = max(points.values(), key=lambda one: one.quality)
    facts = {
        "router_on_frontier": router in frontier([router, *points.values()]),
        "best_single_reader": best.name,
        "quality_against_it": round(router.quality - best.quality, 4),
        "speed_against_it": round(router.speed / best.speed, 2),
    }
    print(facts)
    return facts


def mix(cases: Sequence[Case]) -> dict[str, Any]:
    """Pages of each kind."""
    pages: dict[str, int] = defaultdict(int)
    for case in cases:
        pages[case.group] += case.pages
    return {"files": len(cases), "pages_by_group": dict(pages)}


if __name__ == "__main__":
    main()
