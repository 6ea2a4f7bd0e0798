"""Dagster's SQLite storage, with an event log that stores many events at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster._core.storage.event_log.schema import AssetEventTagsTable, SqlEventLogStorageTable
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage, _event_logs_directory

if TYPE_CHECKING:
    from dagster import EventLogEntry
    from dagster._serdes import ConfigurableClassData

_INSERT = SqlEventLogStorageTable.insert()
_BATCHED = (dg.DagsterEventType.ASSET_MATERIALIZATION, dg.DagsterEventType.ASSET_OBSERVATION)


class BatchedSqliteEventLog(SqliteEventLogStorage):
    """Stores what a step says of its documents in two transactions, where Dagster takes two for each document.

    As Dagster's storage in Postgres does. The rows are the same; only the row of the asset is written once, for the last of
    the events, and not for each before, which it would overwrite.
    """

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        if not _alike(events):
            super().store_event_batch(events)
            return
        rows = [self._event_to_row(event) for event in events]
        # The index first, which other processes write as well: where it fails, nothing is there yet. A kill between the two leaves
        # the documents done and the run's own log without them; the ledger, which decides, has them either way.
        with self.index_transaction() as connection:
            numbers = [connection.execute(_INSERT, row).lastrowid for row in rows]
            self._store_asset_event_tags(connection, events, numbers)
            self._store_asset_event(connection, events[-1], numbers[-1])
        try:
            with self.run_connection(events[0].run_id) as connection:
                connection.execute(_INSERT, rows)
        except Exception:
            # Dagster stores them one by one now, in both files.
            self._forget(numbers)
            raise

    def _forget(self, numbers: Sequence[int]) -> None:
        with self.index_transaction() as connection:
            for number in numbers:
                connection.execute(SqlEventLogStorageTable.delete().where(SqlEventLogStorageTable.c.id == number))
                connection.execute(AssetEventTagsTable.delete().where(AssetEventTagsTable.c.event_id == number))


class BatchedSqliteStorage(DagsterSqliteStorage):
    """What `docpipe up` gives the embedded instance as its storage; the files are those of `DagsterSqliteStorage`."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(base_dir, inst_data)
        self._event_log_storage = BatchedSqliteEventLog(_event_logs_directory(base_dir))

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData, config_value: Mapping[str, Any]) -> BatchedSqliteStorage:
        return cls.from_local(inst_data=inst_data, **config_value)


def _alike(events: Sequence[EventLogEntry]) -> bool:
    """Whether all events are of one type, one asset and one run, as those of a batch are."""
    kinds = {(event.dagster_event_type, event.run_id, event.get_dagster_event().asset_key) for event in events if event.is_dagster_event}
    return len(kinds) == 1 and all(event.is_dagster_event for event in events) and next(iter(kinds))[0] in _BATCHED
