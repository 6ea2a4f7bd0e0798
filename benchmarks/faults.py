"""Everything the pipeline stands on is taken away in the middle of a batch and brought back: what happened, and what was lost.

python -m benchmarks.faults [--documents 10] [--away 15] [--only "worker cpu,Redis"]

The names are exact: worker cpu, worker gpu, Postgres, daemon, Redis, S3, disk, Qdrant.

Needs redis-server, Postgres, and root for the small disk. S3 is moto's server, Qdrant the one of the tests: its interface over
HTTP, with the client's local mode behind it.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

import boto3
import dagster as dg

from benchmarks.result import RESULTS, publish
from benchmarks.taken_away import Gate, fill, postgres, redis, small_disk
from docpipe.consistency import check
from docpipe.models import DocumentStatus, StageName
from tests import servers
from tests.end_to_end.cluster import Cluster, cluster, kill
from tests.end_to_end.home import TEXTS
from tests.index.http_server import QdrantServer

PATIENCE = 600.0
LOST_STEP_SECONDS = 20.0
DISK_MEGABYTES = 64


@dataclass(frozen=True)
class Fault:
    """What is taken away while a stage is at work, and how it comes back."""

    name: str
    stage: StageName
    take: Callable[[], object]
    bring: Callable[[], object]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=10)
    parser.add_argument("--away", type=float, default=15.0)
    parser.add_argument("--only", default="")
    arguments = parser.parse_args()
    wanted = set(filter(None, arguments.only.split(",")))
    rows: list[Mapping[str, Any]] = earlier()
    with TemporaryDirectory(prefix="docpipe-bench-") as scratch, installed(Path(scratch)) as (installation, faults):
        for fault in faults:
            if not wanted or fault.name in wanted:
                row = drill(installation, fault, arguments.documents, arguments.away)
                rows = [*(one for one in rows if one["fault"] != fault.name), row]
                # After each, so that one that ends the benchmark leaves those before it.
                publish("faults", rows, lost_step_seconds=LOST_STEP_SECONDS)


def earlier() -> list[Mapping[str, Any]]:
    """The rows of the last time, each with its own date and load: a fault that is not tried now keeps what it showed then."""
    path = RESULTS / "faults.json"
    return list(json.loads(path.read_text())["rows"]) if path.is_file() else []


@contextmanager
def installed(folder: Path) -> Iterator[tuple[Cluster, list[Fault]]]:
    """A daemon and a worker a lane, and what can happen to them."""
    with ExitStack() as stack:
        database, queues = stack.enter_context(postgres()), stack.enter_context(redis())
        objects, index = Gate(urlsplit(stack.enter_context(servers.s3())).port or 0), QdrantServer()
        objects.open()
        stack.enter_context(index.running())
        index_gate = Gate(urlsplit(index.url).port or 0)
        index_gate.open()
        disk = stack.enter_context(small_disk(folder / "disk", DISK_MEGABYTES))
        (disk / "artifacts").mkdir()
        endpoint = f"http://127.0.0.1:{objects.port}"
        keys = {"aws_access_key_id": "key", "aws_secret_access_key": "secret", "region_name": "us-east-1"}
        boto3.client("s3", endpoint_url=endpoint, **keys).create_bucket(Bucket="documents")
        variables = {
            "DOCPIPE_BUCKET": "s3://documents",
            "S3_ENDPOINT": endpoint,
            "S3_ACCESS_KEY": "key",
            "S3_SECRET_KEY": "secret",
            "DOCPIPE_QDRANT_URL": f"http://127.0.0.1:{index_gate.port}",
            "DOCPIPE_ARTIFACTS": (disk / "artifacts").as_uri(),
            "DOCPIPE_LOST_STEP_SECONDS": str(LOST_STEP_SECONDS),
        }
        urls = (f"postgresql://docpipe@127.0.0.1:{database.port}/postgres", f"redis://127.0.0.1:{queues.port}")
        made = stack.enter_context(cluster(folder / "cluster", *urls, **variables))
        processes = {lane: made.start_worker(lane) for lane in ("cpu", "gpu", "io")} | {"daemon": made.start_daemon()}
        filler = disk / "filler"

        def again(lane: str) -> None:
            processes[lane] = made.start_daemon() if lane == "daemon" else made.start_worker(lane)

        yield (
            made,
            [
                Fault("worker cpu", StageName.PARSED_PAGES, lambda: kill(processes["cpu"]), lambda: again("cpu")),
                Fault("Postgres", StageName.PARSED_PAGES, database.kill, database.start),
                Fault("daemon", StageName.PARSED_PAGES, lambda: kill(processes["daemon"]), lambda: again("daemon")),
                Fault("Redis", StageName.PARSED_PAGES, queues.kill, queues.start),
                Fault("S3", StageName.PARSED_PAGES, objects.close, objects.open),
                Fault("disk", StageName.PARSED_PAGES, lambda: fill(disk), filler.unlink),
                Fault("Qdrant", StageName.INDEXED_VECTORS, index_gate.close, index_gate.open),
                Fault("worker gpu", StageName.EMBEDDINGS, lambda: kill(processes["gpu"]), lambda: again("gpu")),
            ],
        )


def drill(installation: Cluster, fault: Fault, documents: int, away: float) -> Mapping[str, Any]:
    """One fault: wait for the middle of a batch, take away, wait, bring back, wait until all is indexed."""
    before = {run.run_id for run in installation.runs()}
    load = os.getloadavg()[0]
    present = installation.pipeline.ledger.summary().documents.get(DocumentStatus.INDEXED, 0)
    put(installation, fault.name, documents)
    until(lambda: any(fault.stage in installation.pids_of(run.run_id) for run in installation.runs() if run.run_id not in before))
    fault.take()
    time.sleep(away)
    fault.bring()
    seconds = wait(installation, present + documents)
    runs = [run for run in installation.runs() if run.run_id not in before]
    found = check(installation.pipeline)
    attempts = max(document.attempts for document in installation.pipeline.ledger.all_documents())
    return {
        "fault": fault.name,
        "date": time.strftime("%Y-%m-%d"),
        "load": round(load, 1),
        "documents": documents,
        "seconds_away": away,
        "during": fault.stage.value,
        "runs": ", ".join(run.status.value.lower() for run in runs),
        "steps_sent_again": sum(installation.messages_of(run.run_id).count("sent again, since") for run in runs),
        "attempts_counted": attempts,
        "lost": len(found.inconsistencies),
        "seconds_until_whole": round(seconds, 1),
        "why": "; ".join(dict.fromkeys(reason for run in runs if (reason := why(installation, run))))[:400],
    }


def why(installation: Cluster, run: dg.DagsterRun) -> str:
    """The first line of what ended a run that did not succeed."""
    if run.status is dg.DagsterRunStatus.SUCCESS:
        return ""
    failures = installation.instance.all_logs(run.run_id, of_type={dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.RUN_FAILURE})
    for entry in failures:
        event = entry.get_dagster_event()
        error = event.step_failure_data.error if event.is_step_failure else None
        while error and error.cause:
            error = error.cause
        message = error.message if error else event.message
        if message:
            return message.strip().splitlines()[0]
    return ""


def put(installation: Cluster, name: str, documents: int) -> None:
    """Documents of a few hundred words each."""
    number = {str(number): f"{name} {number}\n\n{TEXTS['snow.txt']}" for number in range(documents)}
    installation.put({f"{name}-{number}.txt": text for number, text in number.items()})


def wait(installation: Cluster, documents: int) -> float:
    """Seconds until so many documents are indexed and no run is under way."""

    def is_whole() -> bool:
        indexed = installation.pipeline.ledger.summary().documents
        return indexed == {DocumentStatus.INDEXED: documents} and all(run.is_finished for run in installation.runs())

    return until(is_whole)


def until(condition: Callable[[], bool]) -> float:
    """Wait; what is away just now counts as not met."""
    last: Exception | None = None
    began = time.monotonic()
    while time.monotonic() - began < PATIENCE:
        try:
            if condition():
                return time.monotonic() - began
        except Exception as error:  # noqa: BLE001 - whatever the fault does to the one who looks
            last = error
        time.sleep(0.1)
    raise TimeoutError(f"not within {PATIENCE:.0f} s") from last


if __name__ == "__main__":
    main()
