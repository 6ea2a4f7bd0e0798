"""What 100,000 documents cost the sensor, the status command and the UI, with ledger and Dagster in Postgres, the bucket behind S3.

python -m benchmarks.partitions --postgres postgresql://user@127.0.0.1/postgres [--objects 100000]

Makes two databases of its own on that server, and removes them. Of the five assets one has its materializations in the event log.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import boto3
import dagster as dg
import psutil
from dagster._core.events import DagsterEvent, DagsterEventType, StepMaterializationData
from dagster._core.events.log import EventLogEntry
from sqlalchemy import create_engine, make_url, update

from benchmarks.asset_page import measure_pages
from benchmarks.object_server import object_server
from benchmarks.result import PROJECT, publish

SLICE = 5_000
CHANGED = 100
ASSET = "parsed_pages"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=int, default=100_000)
    parser.add_argument("--postgres", required=True, help="URL of a server's maintenance database")
    arguments = parser.parse_args()
    with (
        TemporaryDirectory(prefix="docpipe-bench-") as scratch,
        databases(arguments.postgres, "ledger", "dagster") as (ledger, storage),
        object_server(arguments.objects) as endpoint,
    ):
        environment = installed(Path(scratch), ledger, storage, endpoint)
        os.environ.update(environment)
        rows = measure(arguments.objects, environment)
    load = round(os.getloadavg()[0], 1)
    publish("partitions", rows, documents=arguments.objects, load_average=load)


@contextmanager
def databases(server: str, *names: str) -> Iterator[list[str]]:
    url = make_url(server).set(drivername="postgresql+psycopg2")
    made = [f"bench_{name}_{uuid.uuid4().hex[:8]}" for name in names]
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for name in made:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
        try:
            yield [url.set(drivername="postgresql", database=name).render_as_string(hide_password=False) for name in made]
        finally:
            for name in made:
                connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    engine.dispose()


def installed(home: Path, ledger: str, storage: str, endpoint: str) -> dict[str, str]:
    """A home whose Dagster keeps everything in Postgres, as docker/dagster.yaml has it; returns its environment."""
    from docpipe.cli.dagster_process import DAGSTER_ENVIRONMENT

    driver = storage.replace("postgresql://", "postgresql+psycopg2://")
    (home / "dagster.yaml").write_text(f"storage:\n  postgres:\n    postgres_url: {driver}\ntelemetry:\n  enabled: false\n")
    s3 = {"S3_ENDPOINT": endpoint, "S3_ACCESS_KEY": "key", "S3_SECRET_KEY": "secret", "DOCPIPE_BUCKET": "s3://documents"}
    return {**DAGSTER_ENVIRONMENT, **s3, "DAGSTER_HOME": str(home), "DOCPIPE_HOME": str(home), "DOCPIPE_LEDGER": ledger}


def measure(objects: int, environment: Mapping[str, str]) -> list[dict[str, Any]]:
    from doc_assets.definitions import defs
    from resources.pipeline import PipelineResource

    sensor = defs().resolve_sensor_def("documents")
    pipeline = PipelineResource().open()
    # Each look at the bucket is one measurement, however long: a tick stops after `tick_seconds`, and the next one goes on.
    pipeline.settings = pipeline.settings.model_copy(update={"tick_seconds": 3_600.0})
    with dg.DagsterInstance.get() as instance:

        def tick() -> str:
            """As the daemon evaluates it, from the start of the bucket; how many runs it requests."""
            resources = {"pipeline": PipelineResource()}
            with dg.build_sensor_context(instance=instance, definitions=defs(), resources=resources) as context:
                data = sensor.evaluate_tick(context)
            return f"{len(data.run_requests or ())} runs requested"

        rows = [timed(f"first tick: {min(objects, pipeline.settings.tick_documents):,} of {objects:,} objects admitted", tick)]
        register_all(pipeline)
        rows.append(timed("a tick while all of them wait", tick))
        settle_all()
        every = [document.key for document in pipeline.ledger.all_documents()]
        rows.append(timed("partitions added in calls of 5,000", lambda: add_partitions(instance, every)))
        rows.append(timed("a tick that finds nothing", tick))
        change(pipeline.settings.s3_endpoint, every[:: max(1, objects // CHANGED)][:CHANGED])
        rows.append(timed(f"a tick that finds {CHANGED} changes, far apart", tick))
        rows.append(timed("the summary of `docpipe status`", lambda: f"{sum(pipeline.ledger.summary().documents.values()):,} documents"))
        rows.append(timed("the list of `docpipe batches`", lambda: f"{len(pipeline.ledger.batch_progress())} batches"))
        rows += [command(f"docpipe {name}", name, environment) for name in ("status", "batches")]
        rows.append(timed(f"{len(every):,} materializations of one asset", lambda: materialize(instance, every)))
    return rows + measure_pages(environment, PROJECT, ASSET)


def timed(what: str, act: Callable[[], str]) -> dict[str, Any]:
    process = psutil.Process()
    wall, before = time.perf_counter(), process.cpu_times()
    came_to = act()
    after = process.cpu_times()
    seconds = sum(getattr(after, name) - getattr(before, name) for name in ("user", "system", "children_user", "children_system"))
    row = {"what": what, "first_s": round(time.perf_counter() - wall, 3), "cpu_s": round(seconds, 2), "came_to": came_to}
    sys.stderr.write(f"{row}\n")
    return row


def command(what: str, name: str, environment: Mapping[str, str]) -> dict[str, Any]:
    """A command as somebody types it: most of its time is Python's start."""
    line = [str(Path(sys.executable).parent / "docpipe"), name]
    environment = {**os.environ, **environment}
    return timed(what, lambda: f"exit code {subprocess.run(line, env=environment, capture_output=True, check=False).returncode}")


def register_all(pipeline: Any) -> None:
    """The rest of the bucket, as twenty more ticks would."""
    from docpipe.ledger import Arrival
    from docpipe.partition_key import partition_key

    listed = pipeline.bucket.list()
    while page := list(islice(listed, SLICE)):
        pipeline.ledger.register([Arrival(info, partition_key(info.key), "text/markdown", None, 1) for info in page])


def settle_all() -> None:
    """All documents as they are after their runs."""
    from docpipe.ledger.schema import batches, documents

    engine = create_engine(make_url(os.environ["DOCPIPE_LEDGER"]).set(drivername="postgresql+psycopg2"))
    with engine.begin() as connection:
        connection.execute(update(documents).values(status="indexed", batch_id=None))
        connection.execute(update(batches).values(closed=batches.c.created))
        connection.exec_driver_sql("ANALYZE")


def add_partitions(instance: dg.DagsterInstance, keys: list[str]) -> str:
    known = set(instance.get_dynamic_partitions("documents"))
    new = [key for key in keys if key not in known]
    for start in range(0, len(new), SLICE):
        instance.add_dynamic_partitions("documents", new[start : start + SLICE])
    return f"{len(new):,} added"


def change(endpoint: str, keys: list[str]) -> None:
    from docpipe.partition_key import partition_key

    os.environ.update({"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-east-1"})
    client = boto3.client("s3", endpoint_url=endpoint)
    wanted = set(keys)
    for page in client.get_paginator("list_objects_v2").paginate(Bucket="documents"):
        for one in page["Contents"]:
            if partition_key(one["Key"]) in wanted:
                client.put_object(Bucket="documents", Key=one["Key"], Body=b"# changed\n")


def materialize(instance: dg.DagsterInstance, keys: list[str]) -> str:
    """The event log as a thousand runs of a hundred documents leave it."""
    for start in range(0, len(keys), 500):
        run_id = str(uuid.uuid4())
        entries = [_entry(run_id, key) for key in keys[start : start + 500]]
        instance.event_log_storage.store_event_batch(entries)
    return f"{len(keys):,} events"


def _entry(run_id: str, key: str) -> EventLogEntry:
    made = dg.AssetMaterialization(dg.AssetKey(ASSET), partition=key, metadata={"pages": 3, "seconds": 0.5})
    event = DagsterEvent(
        DagsterEventType.ASSET_MATERIALIZATION.value, "index_documents", event_specific_data=StepMaterializationData(made, [])
    )
    return EventLogEntry(None, 20, "", run_id, time.time(), job_name="index_documents", dagster_event=event)  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    main()
