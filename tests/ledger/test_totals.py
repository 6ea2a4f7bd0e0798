"""The counts that the database keeps are those that counting gives, whatever was written, and by whom."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import func, select

from docpipe.ledger import Ledger, Summary, totals
from docpipe.ledger.migration import _MIGRATIONS
from docpipe.ledger.schema import documents, stage_states
from docpipe.ledger.schema import totals as table
from docpipe.models import StageName
from tests.ledger.arrivals import arrival, index, register


def counted(ledger: Ledger) -> tuple[dict[str, int], dict[tuple[str, str], tuple[int, float]]]:
    by_stage = select(stage_states.c.stage, stage_states.c.status, func.count(), func.coalesce(func.sum(stage_states.c.seconds), 0.0))
    with ledger._database.read() as connection:
        statuses = Counter(connection.scalars(select(documents.c.status)))
        rows = connection.execute(by_stage.group_by(stage_states.c.stage, stage_states.c.status)).all()
    return dict(statuses), {(stage, status): (number, seconds) for stage, status, number, seconds in rows}


def told(summary: Summary) -> tuple[Any, Any]:
    return dict(summary.documents), {key: (total.documents, total.seconds) for key, total in summary.stages.items()}


def test_an_empty_ledger_has_none(ledger: Ledger) -> None:
    assert told(ledger.summary()) == ({}, {})


def test_they_follow_every_change(ledger: Ledger) -> None:
    keys = register(ledger, "a", "b", "c", "d")
    assert told(ledger.summary()) == counted(ledger)
    index(ledger, keys)
    assert told(ledger.summary()) == counted(ledger)
    ledger.start(StageName.CHUNKS, {"a": (1, "f", "r")}, "run")
    ledger.fail(StageName.CHUNKS, "a", 1, "ParseFailed", "no", seconds=2.25)
    ledger.register([arrival("b", "e2", refusal="empty")])
    assert told(ledger.summary()) == counted(ledger)
    ledger.forget_index(["b"])
    ledger.mark_gone(["c"])
    ledger.tombstone(["c"])
    found = ledger.summary()
    assert told(found) == counted(ledger)
    assert found.documents == {"failed": 1, "refused": 1, "deleted": 1, "indexed": 1}


def test_many_at_once_are_counted_once_each(ledger: Ledger) -> None:
    keys = [f"d{number}" for number in range(40)]
    register(ledger, *keys)

    def work(part: list[str]) -> None:
        index(ledger, part, run_id=part[0])

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(work, [keys[start::8] for start in range(8)]))
    assert told(ledger.summary()) == counted(ledger)
    assert ledger.summary().documents == {"indexed": 40}


def test_rows_of_closed_connections_are_added_up(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    index(ledger, register(ledger, "a", "b"))
    ledger.close()
    before = counted(ledger)
    register(ledger, "c")
    monkeypatch.setattr(totals, "MANY_ROWS", 1)
    assert ledger.summary().documents == {"indexed": 2, "pending": 1}
    with ledger._database.read() as connection:
        shards = set(connection.scalars(select(table.c.shard)))
    # On Postgres the living one keeps its own; on SQLite all share one.
    assert 0 in shards
    assert len(shards) == (1 if ledger._database.is_sqlite else 2)
    assert told(ledger.summary()) == counted(ledger)
    assert counted(ledger)[1] == before[1]


def test_what_an_older_ledger_holds_is_counted_when_it_is_upgraded(ledger_url: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.set_main_option("path_separator", "os")
    with Ledger.open(ledger_url) as ledger:
        keys = register(ledger, "a", "b", "c", "d")
        index(ledger, keys[:2])
        ledger.start(StageName.PARSED_PAGES, {"c": (1, "f", "r")}, "run")
        with ledger._database.write() as connection:
            config.attributes["connection"] = connection
            command.downgrade(config, "0003")
            connection.exec_driver_sql("UPDATE stage_states SET seconds = 2.5 WHERE key = 'a'")
            connection.exec_driver_sql("UPDATE documents SET status = 'refused' WHERE key = 'd'")
    with Ledger.open(ledger_url) as ledger:
        assert ledger.summary().documents == {"indexed": 2, "running": 1, "refused": 1}
        assert told(ledger.summary()) == counted(ledger)
        # From here on the triggers count, the old rows too.
        assert ledger.requeue(["a", "d"]) == ["a", "d"]
        index(ledger, ["b"], run_id="again")
        assert told(ledger.summary()) == counted(ledger)
