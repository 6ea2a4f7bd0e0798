"""Two daemons by mistake: their sensors look at the same bucket at the same time, each in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import dagster as dg
import pytest
from sqlalchemy import create_engine, make_url

from docpipe.ledger import Ledger
from docpipe.models import DocumentStatus

PROJECT = Path(__file__).resolve().parents[2]
DOCUMENTS = 60
TICKS = 4


@pytest.mark.timeout(300)
@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
def test_nothing_is_requested_twice(tmp_path: Path, engine: str, request: pytest.FixtureRequest) -> None:
    environment = home_on(engine, tmp_path, request)
    for number in range(DOCUMENTS):
        (tmp_path / "bucket" / f"{number:03}.txt").write_text(f"text {number}")
    gate = tmp_path / "gate"
    command = [sys.executable, "-m", "tests.sensors.evaluate", str(gate), str(TICKS)]
    daemons = [subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for one in daemons:
        assert one.stdout
        assert one.stdout.readline() == "ready\n"
    gate.touch()
    requested: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
    for one in daemons:
        said, _ = one.communicate()
        assert one.returncode == 0
        for line in said.splitlines():
            key, start, end = line.split("\t")
            # What has no run yet is requested again under its key, which Dagster launches once.
            requested[key].add((start, end))
    assert all(len(ranges) == 1 for ranges in requested.values())
    with Ledger.open(environment["DOCPIPE_LEDGER"]) as ledger, dg.DagsterInstance.from_config(environment["DAGSTER_HOME"]) as instance:
        order = list(instance.get_dynamic_partitions("documents"))
        taken: list[str] = []
        for key, ranges in requested.items():
            ((start, end),) = ranges
            between = order[order.index(start) : order.index(end) + 1]
            assert sorted(between) == ledger.batch_keys(key)
            taken += between
        assert sorted(taken) == sorted(document.key for document in ledger.all_documents())
        assert {document.status for document in ledger.all_documents()} == {DocumentStatus.QUEUED}
    assert len(taken) == len(set(taken)) == DOCUMENTS


def home_on(engine: str, home: Path, request: pytest.FixtureRequest) -> dict[str, str]:
    """An installation whose ledger and Dagster are kept in the engine; returns its environment."""
    (home / "bucket").mkdir()
    ledger = f"sqlite:///{home / 'ledger.sqlite'}"
    if engine == "postgres":
        server = make_url(request.getfixturevalue("postgres_url")).set(drivername="postgresql+psycopg2")
        names = [f"{name}_{os.getpid()}" for name in ("two_ledger", "two_dagster")]
        maintenance = create_engine(server, isolation_level="AUTOCOMMIT")
        with maintenance.connect() as connection:
            for name in names:
                connection.exec_driver_sql(f"CREATE DATABASE {name}")
        maintenance.dispose()
        ledger, storage = (server.set(database=name).render_as_string(hide_password=False) for name in names)
        (home / "dagster.yaml").write_text(f"storage:\n  postgres:\n    postgres_url: {storage}\n")
        ledger = ledger.replace("postgresql+psycopg2", "postgresql")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DOCPIPE_", "S3_", "DAGSTER_"))}
    own = {"BUCKET": (home / "bucket").as_uri(), "LEDGER": ledger, "HOME": str(home), "BATCH_DOCUMENTS": "7", "TICK_DOCUMENTS": "25"}
    with dg.DagsterInstance.from_config(str(home)):
        # Made by one process first, as `docpipe up` does.
        Ledger.open(ledger).close()
    return {**kept, **{f"DOCPIPE_{name}": value for name, value in own.items()}, "DAGSTER_HOME": str(home)}
