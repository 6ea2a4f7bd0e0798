"""The embedded instance's event log holds what Dagster's own would, however the events came."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from dagster._serdes import deserialize_value

from resources.sqlite_storage import BatchedSqliteEventLog, BatchedSqliteStorage

KEYS = [f"report-{number}.pdf" for number in range(7)]
WHEN = {"id", "timestamp", "event_timestamp", "create_timestamp", "last_materialization_timestamp", "last_materialization", "event"}
"""Columns with times in them, and events, which hold them as well."""


@dg.asset(code_version="1", partitions_def=dg.StaticPartitionsDefinition(KEYS), backfill_policy=dg.BackfillPolicy.single_run())
def pages(context: dg.AssetExecutionContext) -> None:
    for number, key in enumerate(context.partition_keys):
        context.add_asset_metadata({"pages": number}, partition_key=key)


@contextmanager
def instance(home: Path, storage: str, monkeypatch: pytest.MonkeyPatch, batch: int = 500) -> Iterator[dg.DagsterInstance]:
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", str(batch))
    home.mkdir()
    module, name = storage.rsplit(".", 1)
    custom = {"module": module, "class": name, "config": {"base_dir": str(home)}}
    (home / "dagster.yaml").write_text(yaml.safe_dump({"storage": {"custom": custom}, "telemetry": {"enabled": False}}))
    with dg.DagsterInstance.from_config(str(home)) as made:
        yield made


OURS = f"{BatchedSqliteStorage.__module__}.{BatchedSqliteStorage.__name__}"
DAGSTERS = "dagster._core.storage.sqlite_storage.DagsterSqliteStorage"


def run(made: dg.DagsterInstance) -> None:
    tags = {"dagster/asset_partition_range_start": KEYS[0], "dagster/asset_partition_range_end": KEYS[-1]}
    assert dg.materialize([pages], instance=made, tags=tags).success


def rows(home: Path) -> dict[str, list[Any]]:
    """All rows of all files, by table, without times and without what names this very run."""
    found: dict[str, list[Any]] = {}
    for path in sorted((home / "history" / "runs").glob("*.db")):
        kind = "index" if path.stem == "index" else "run"
        with sqlite3.connect(path) as connection:
            connection.row_factory = sqlite3.Row
            for table in ("event_logs", "asset_keys", "asset_event_tags"):
                if connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone():
                    held = connection.execute(f"SELECT * FROM {table} ORDER BY 1")
                    found[f"{kind}.{table}"] = [_lasting(row) for row in held]
    return found


def _lasting(row: sqlite3.Row) -> dict[str, Any]:
    kept = {name: value for name, value in {**row}.items() if name not in WHEN and "run_id" not in name}
    if event := {**row}.get("event"):
        kept["event"] = _told(deserialize_value(event, dg.EventLogEntry))
    return kept


def _told(entry: dg.EventLogEntry) -> tuple[Any, ...]:
    event = entry.get_dagster_event()
    metadata = event.step_materialization_data.materialization.metadata if event.is_step_materialization else {}
    return event.event_type_value, event.step_key, event.partition, {name: one.value for name, one in metadata.items()}


def test_a_batch_leaves_the_rows_that_dagster_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with instance(tmp_path / "ours", OURS, monkeypatch) as ours, instance(tmp_path / "dagster", DAGSTERS, monkeypatch) as dagsters:
        run(ours)
        run(dagsters)
        assert type(ours.event_log_storage) is BatchedSqliteEventLog
        assert ours.get_materialized_partitions(pages.key) == dagsters.get_materialized_partitions(pages.key) == set(KEYS)
        numbers = [record.storage_id for record in ours.fetch_materializations(pages.key, limit=100).records]
        assert numbers == sorted(set(numbers), reverse=True)
        [record] = ours.get_asset_records([pages.key])
        assert record.asset_entry.last_materialization_storage_id == numbers[0]
    assert rows(tmp_path / "ours") == rows(tmp_path / "dagster")
    assert len(rows(tmp_path / "ours")["index.asset_event_tags"]) == len(KEYS)


def connections_of_batches(monkeypatch: pytest.MonkeyPatch, failing: int | None = None) -> list[str]:
    """The files that are opened to store batches of materializations, in order; one of them cannot be."""
    opened: list[str] = []
    batches: list[object] = []
    store, connect = BatchedSqliteEventLog.store_event_batch, BatchedSqliteEventLog._connect

    def storing(self: BatchedSqliteEventLog, events: Sequence[dg.EventLogEntry]) -> None:
        if of_type := {one.dagster_event_type for one in events} & {dg.DagsterEventType.ASSET_MATERIALIZATION}:
            batches.append(of_type)
        try:
            store(self, events)
        finally:
            batches.clear()

    def connecting(self: BatchedSqliteEventLog, shard: str) -> Any:
        if batches:
            opened.append("index" if shard == "index" else "run")
            if failing == len(opened) - 1:
                raise sqlite3.OperationalError("database is locked")
        return connect(self, shard)

    monkeypatch.setattr(BatchedSqliteEventLog, "store_event_batch", storing)
    monkeypatch.setattr(BatchedSqliteEventLog, "_connect", connecting)
    return opened


def test_a_batch_takes_two_transactions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = connections_of_batches(monkeypatch)
    with instance(tmp_path / "home", OURS, monkeypatch) as made:
        run(made)
        assert len(made.fetch_materializations(pages.key, limit=100).records) == len(KEYS)
    assert opened == ["index", "run"]


@pytest.mark.parametrize("half", ["index", "run"])
def test_a_batch_that_cannot_be_stored_is_stored_event_by_event_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], half: str
) -> None:
    with monkeypatch.context() as counting, instance(tmp_path / "first", OURS, counting) as made:
        order = connections_of_batches(counting)
        run(made)
    opened = connections_of_batches(monkeypatch, failing=order.index(half))
    with instance(tmp_path / "home", OURS, monkeypatch) as made:
        run(made)
        assert len(opened) > order.index(half)
        assert "database is locked" in capfd.readouterr().err
        assert sorted(record.partition_key or "" for record in made.fetch_materializations(pages.key, limit=100).records) == KEYS
        [ended] = made.get_runs()
        in_run = made.all_logs(ended.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
        assert sorted(one.get_dagster_event().partition or "" for one in in_run) == KEYS
    assert {name: len(held) for name, held in rows(tmp_path / "home").items()} == {
        name: len(held) for name, held in rows(tmp_path / "first").items()
    }


def test_events_of_several_kinds_are_stored_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with instance(tmp_path / "home", OURS, monkeypatch) as made:
        run(made)
        [ended] = made.get_runs()
        mixed = made.all_logs(ended.run_id)
        before = len(mixed)
        made.event_log_storage.store_event_batch(mixed)
        assert len(made.all_logs(ended.run_id)) == 2 * before
        assert len(made.fetch_materializations(pages.key, limit=100).records) == 2 * len(KEYS)
