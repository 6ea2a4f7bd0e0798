"""A folder of PDFs to searchable vectors, through Dagster's daemon as users run it.

    python -m benchmarks.end_to_end [--documents 10 100 1000] [--corpus ../shared/corpus/files]

Prints for each size the seconds of every stage, pages/s and chunks/s, the peak memory of all processes together and
Dagster's own share: the wall time of the runs that no stage was at work in, from the launch of a run to its end.
"""

from __future__ import annotations

import argparse
import math
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.documents import make_documents
from benchmarks.process_tree import ProcessTree
from benchmarks.result import PROJECT, publish
from docpipe.cli.dagster_process import daemon, prepare_instance
from docpipe.consistency import check
from docpipe.embed.embedder import open_embedder
from docpipe.ledger import Ledger
from docpipe.models import DocumentStatus, StageName
from docpipe.pipeline import Pipeline
from docpipe.settings import load_settings
from resources.runs import wait_for_runs

SETTLED = (DocumentStatus.INDEXED, DocumentStatus.FAILED, DocumentStatus.REFUSED, DocumentStatus.QUARANTINED)
LONGEST = 7_200.0
CURVE_POINTS = 40
QUICK_SENSOR = {"DOCPIPE_SENSOR_SECONDS": "2"}
SHORT = dict(zip(StageName, ("parse", "chunk", "enrich", "embed", "index"), strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, nargs="*", default=[10, 100, 1000])
    parser.add_argument(
        "--corpus", type=Path, default=PROJECT.parent / "shared" / "corpus" / "files", help="a folder whose PDFs are run as well"
    )
    arguments = parser.parse_args()
    cases: dict[str, Callable[[Path], Any]] = {f"{count} generated": partial(make_documents, count=count) for count in arguments.documents}
    if arguments.corpus.is_dir():
        cases["corpus PDFs"] = partial(copy_pdfs, arguments.corpus)
    with TemporaryDirectory(prefix="docpipe-bench-") as scratch:
        rows = [measure(name, Path(scratch) / str(number), fill) for number, (name, fill) in enumerate(cases.items())]
    publish("end_to_end", rows)


def copy_pdfs(folder: Path, bucket: Path) -> None:
    for path in sorted(folder.glob("*.pdf")):
        shutil.copy(path, bucket / path.name)


def measure(name: str, home: Path, fill: Callable[[Path], Any], changed: Mapping[str, str] = QUICK_SENSOR) -> dict[str, Any]:
    """Fill a fresh bucket, let the daemon work until every document is settled, and read the records."""
    # Converting the model to the engine's form is work of the first run on a machine, not of every batch: once for all sizes.
    models = home.parent / "models"
    settings = load_settings(home=home, models=str(models))
    open_embedder(settings)
    environment = {**prepare_instance(settings, PROJECT), "DOCPIPE_MODELS": str(models), **changed}
    fill(home / "bucket")
    pipeline = Pipeline(settings)
    started = time.perf_counter()
    with daemon(environment, PROJECT, home / "daemon.log") as process, ProcessTree(process.pid) as tree:
        wait(pipeline.ledger)
        wait_for_runs(home / "dagster", LONGEST)
        wall = time.perf_counter() - started
        runs = finished_runs(home / "dagster")
    found = check(pipeline)
    assert found.agrees, found.inconsistencies
    counts = held(pipeline.ledger)
    stage_seconds = {stage: sum(run.get(stage, 0.0) for run in runs) for stage in StageName}
    run_seconds = sum(run["seconds"] for run in runs)
    work = sum(stage_seconds.values())
    return {
        "documents": name,
        "indexed": found.documents[DocumentStatus.INDEXED],
        "lost": found.documents[DocumentStatus.FAILED] + found.documents[DocumentStatus.REFUSED],
        "pages": counts["pages"],
        "chunks": counts["chunks"],
        "runs": len(runs),
        "wall_s": round(wall, 1),
        "runs_s": round(run_seconds, 1),
        **{f"{SHORT[stage]}_s": round(seconds, 1) for stage, seconds in stage_seconds.items()},
        "pages_per_s": round(counts["pages"] / run_seconds, 1),
        "chunks_per_s": round(counts["chunks"] / run_seconds, 1),
        "cpu_s": round(tree.cpu_seconds, 1),
        "peak_mb": round(tree.peak_bytes / 1e6),
        "memory_mb": curve(tree.memory),
        "dagster_share": round(1 - work / run_seconds, 3),
        "events_mb": round(bytes_in(home / "dagster" / "history") / 1e6, 1),
    }


def curve(memory: Sequence[tuple[float, int]]) -> list[list[int]]:
    """The highest memory of each of `CURVE_POINTS` equal spans, as [seconds at its end, MB]."""
    length = math.ceil(len(memory) / CURVE_POINTS) or 1
    spans = [memory[start : start + length] for start in range(0, len(memory), length)]
    return [[round(span[-1][0]), round(max(held for _, held in span) / 1e6)] for span in spans]


def bytes_in(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def wait(ledger: Ledger) -> None:
    deadline = time.monotonic() + LONGEST
    while time.monotonic() < deadline:
        documents = ledger.summary().documents
        if documents and all(status in SETTLED for status in documents):
            return
        time.sleep(1.0)
    raise TimeoutError(f"not settled after {LONGEST:.0f} s: {ledger.summary().documents}")


def held(ledger: Ledger) -> dict[str, int]:
    counts = {"pages": 0, "chunks": 0}
    for document in ledger.all_documents():
        states = ledger.stage_states([document.key])
        counts["pages"] += sum(state.counts.get("pages", 0) for state in states.values())
        counts["chunks"] += sum(state.counts.get("chunks", 0) for (_, stage), state in states.items() if stage is StageName.CHUNKS)
    return counts


def finished_runs(dagster_home: Path) -> list[dict[str, float]]:
    """Of every run: its seconds from launch to end, and the seconds in which each stage was at work."""
    import dagster as dg

    with dg.DagsterInstance.from_config(str(dagster_home)) as instance:
        runs = []
        for record in instance.get_run_records(dg.RunsFilter(job_name="index_documents")):
            stats = instance.get_run_stats(record.dagster_run.run_id)
            assert stats.launch_time
            assert stats.end_time
            run: dict[str, float] = {"seconds": stats.end_time - stats.launch_time}
            for entry in instance.all_logs(record.dagster_run.run_id, of_type=dg.DagsterEventType.ASSET_OBSERVATION):
                observation = entry.get_dagster_event().event_specific_data.asset_observation  # type: ignore[union-attr]
                if observation.partition is None:
                    run[observation.asset_key.path[-1]] = float(str(observation.metadata["seconds"].value))
            runs.append(run)
        return runs


if __name__ == "__main__":
    main()
