"""How long a sensor tick needs to compare a bucket of 100,000 objects with the ledger, and in how much memory.

python -m benchmarks.listing [--objects 100000]
"""

from __future__ import annotations

import argparse
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.documents import make_objects
from benchmarks.object_server import CONTENT, object_server
from benchmarks.result import publish
from docpipe.bucket import Bucket, open_bucket
from docpipe.ledger import Arrival, Ledger
from docpipe.partition_key import partition_key
from docpipe.reconcile import reconcile
from docpipe.settings import Settings, load_settings

SLICE = 5_000
CHANGED = 50
"""Of each kind: new, changed, deleted."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=int, default=100_000)
    parser.add_argument("--postgres", default="", help="URL of an empty database to measure instead of SQLite")
    arguments = parser.parse_args()
    rows = []
    with TemporaryDirectory(prefix="docpipe-bench-") as scratch:
        folder = Path(scratch) / "folder"
        fill(folder / "bucket", arguments.objects)
        rows.append(measure("folder", arguments.objects, folder, {}, arguments.postgres))
    with TemporaryDirectory(prefix="docpipe-bench-") as scratch, object_server(arguments.objects) as endpoint:
        environment = {"s3_endpoint": endpoint, "s3_access_key": "key", "s3_secret_key": "secret", "bucket": "s3://documents"}
        rows.append(measure("S3 over HTTP", arguments.objects, Path(scratch), environment, ""))
    publish("listing", rows)


def measure(name: str, objects: int, home: Path, environment: dict[str, str], postgres: str) -> dict[str, Any]:
    # Longer than a tick may take, so that the whole comparison is one measurement.
    settings = load_settings(home=home, ledger=postgres, **environment).model_copy(update={"tick_seconds": 3_600.0})
    bucket, ledger = open_bucket(settings.bucket_url, settings), Ledger.open(settings.ledger_url)
    register_all(bucket, ledger)
    first_look, first_cpu, _ = timed(bucket, ledger, settings)
    for number, info in enumerate(list(sample(bucket, 2 * CHANGED))):
        bucket.delete(info.key) if number % 2 else bucket.write(info.key, b"# changed\n")
    for number in range(CHANGED):
        bucket.write(f"new/{number}.md", b"# new\n")
    changed_look, _, found = timed(bucket, ledger, settings)
    return {
        "bucket": name,
        "objects": objects,
        "tick_nothing_changed_s": round(first_look, 2),
        "cpu_s": round(first_cpu, 2),
        "tick_150_changes_s": round(changed_look, 2),
        "changes_found": found,
        "peak_python_mb": peak_mb(bucket, ledger, settings),
    }


def timed(bucket: Bucket, ledger: Ledger, settings: Settings) -> tuple[float, float, int]:
    wall, cpu = time.perf_counter(), time.process_time()
    found = reconcile(bucket, ledger, settings)
    assert not found.resume_after
    return time.perf_counter() - wall, time.process_time() - cpu, len(found.registered) + len(found.gone)


def peak_mb(bucket: Bucket, ledger: Ledger, settings: Settings) -> float:
    """What one more look takes at most."""
    tracemalloc.start()
    reconcile(bucket, ledger, settings)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return round(peak / 1e6, 1)


def register_all(bucket: Bucket, ledger: Ledger) -> None:
    arrivals = []
    for info in bucket.list():
        arrivals.append(Arrival(info, partition_key(info.key), "text/markdown", "", 1))
        if len(arrivals) == SLICE:
            ledger.register(arrivals)
            arrivals = []
    ledger.register(arrivals)


def sample(bucket: Bucket, count: int) -> Iterator[Any]:
    for number, info in enumerate(bucket.list()):
        if number % 100 == 0 and number // 100 < count:
            yield info


def fill(root: Path, objects: int) -> None:
    """Put small objects into a folder."""
    for info in make_objects(objects):
        path = root / info.key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(CONTENT)


if __name__ == "__main__":
    main()
