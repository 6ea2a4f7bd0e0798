"""A folder of strangers' files as one bucket: what became of each, in a table for docs/formats.md.

python -m benchmarks.corpus [../shared/corpus/files]
"""

from __future__ import annotations

import argparse
import shutil
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.end_to_end import LONGEST, wait
from benchmarks.process_tree import ProcessTree
from benchmarks.result import PROJECT, publish
from docpipe.cli.dagster_process import daemon, prepare_instance
from docpipe.consistency import check
from docpipe.ledger import Ledger
from docpipe.models import StageName
from docpipe.pipeline import Pipeline
from docpipe.settings import load_settings
from resources.runs import wait_for_runs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=PROJECT.parent / "shared" / "corpus" / "files")
    folder: Path = parser.parse_args().folder
    with TemporaryDirectory(prefix="docpipe-bench-") as scratch:
        settings = load_settings(home=Path(scratch))
        environment = {**prepare_instance(settings, PROJECT), "DOCPIPE_SENSOR_SECONDS": "2"}
        shutil.copytree(folder, settings.home / "bucket", dirs_exist_ok=True)
        pipeline = Pipeline(settings)
        started = time.perf_counter()
        with daemon(environment, PROJECT, settings.home / "daemon.log") as process, ProcessTree(process.pid) as tree:
            wait(pipeline.ledger)
            seconds = time.perf_counter() - started
            wait_for_runs(settings.home / "dagster", LONGEST)
        found = check(pipeline)
        facts = {"seconds": round(seconds), "peak_mb": round(tree.peak_bytes / 1e6), "agrees": found.agrees, **found.documents}
        rows = outcomes(pipeline.ledger)
        publish("corpus", rows, **facts)
    print(markdown(rows))
    print(facts)


def markdown(rows: list[dict[str, Any]]) -> str:
    """The table of docs/formats.md."""
    lines = ["| file | outcome | pages | chunks | seconds | why |", "|---|---|---:|---:|---:|---|"]
    for row in rows:
        cells = [f"`{row['file']}`", row["outcome"], row["pages"], row["chunks"], row["seconds"], row["why"].split("; accepted are")[0]]
        lines.append("| " + " | ".join("" if cell is None else str(cell).replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)


def outcomes(ledger: Ledger) -> list[dict[str, Any]]:
    """One row for each document, in order of the name."""
    rows = []
    for document in sorted(ledger.all_documents(), key=lambda document: document.object_key):
        states = ledger.stage_states([document.key])
        mine = [state for stage in StageName if (state := states.get((document.key, stage)))]
        counts = {name: number for state in mine for name, number in state.counts.items()}
        rows.append(
            {
                "file": document.object_key,
                "type": document.media_type,
                "outcome": document.status.value,
                "pages": counts.get("pages"),
                "chunks": counts.get("chunks"),
                "seconds": round(sum(state.seconds or 0.0 for state in mine), 1),
                "why": document.error or "",
            }
        )
    return rows


if __name__ == "__main__":
    main()
