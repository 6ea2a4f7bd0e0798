"""A ledger of an older version keeps what it knows."""

from __future__ import annotations

import json
import multiprocessing
from datetime import UTC, date, datetime, timedelta

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, insert, inspect, text

from docpipe.daily import last_days
from docpipe.ledger import Ledger
from docpipe.ledger.database import Database
from docpipe.ledger.gauges import Paid
from docpipe.ledger.migration import _MIGRATIONS
from docpipe.ledger.schema import counters, daily_metrics, readings
from docpipe.ledger.spending import Spent
from docpipe.metrics.sample import Sample
from tests.ledger import processes

BEFORE = "0004"
DAY = "2026-11-22"
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
COST, TOKENS = "docpipe_cost_usd_total", "docpipe_tokens_total"
PAGES = "docpipe_pages_total"
_forkserver = multiprocessing.get_context("forkserver")
_forkserver.set_forkserver_preload(["tests.ledger.processes"])


def migrate_to(connection: Connection, revision: str) -> None:
    """As the product does it, but to any revision."""
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    goes_back = inspect(connection).has_table("spending") and revision == BEFORE
    (command.downgrade if goes_back else command.upgrade)(config, revision)


@pytest.fixture
def older(ledger_url: str) -> str:
    """The URL of a ledger from before models were known."""
    database = Database(ledger_url, 30.0)
    provider, own = {"provider": "zürich"}, {"provider": "local"}
    with database.write() as connection:
        migrate_to(connection, BEFORE)
        for day, stage, usd in ((DAY, "embeddings", 0.5), (DAY, "search", 0.25), ("2026-11-21", "embeddings", 1.0)):
            row = {"day": day, "stage": stage, "usd": usd}
            connection.execute(text("INSERT INTO spending VALUES (:day, 'zürich', :stage, 2, 1000, :usd)"), row)
        connection.execute(
            insert(counters),
            [
                {"name": TOKENS, "labels": json.dumps(own, ensure_ascii=False), "value": 700},
                {"name": PAGES, "labels": "{}", "value": 9},
            ],
        )
        kept: list[tuple[str, dict[str, str], float]] = [(COST, provider, 1.75), (TOKENS, own, 700), (PAGES, {}, 9)]
        connection.execute(
            insert(daily_metrics),
            [{"day": DAY, "name": name, "labels": json.dumps(labels), "value": value} for name, labels, value in kept],
        )
        connection.execute(insert(readings), [{"at": NOON, "samples": [[COST, provider, 1.75], [PAGES, {}, 9]]}])
    database.engine.dispose()
    return ledger_url


def check(ledger: Ledger) -> None:
    """All is there, under a model without a name."""
    assert ledger.spending(date(2026, 11, 1), date(2026, 11, 30)) == [
        Spent(DAY, "zürich", "", "embeddings", 2, 1_000, 0.5),
        Spent(DAY, "zürich", "", "search", 2, 1_000, 0.25),
        Spent("2026-11-21", "zürich", "", "embeddings", 2, 1_000, 1.0),
    ]
    assert ledger.paid() == [Paid("zürich", "", 6, 3_000, 1.75)]
    labels = {"provider": "zürich", "model": ""}
    assert ledger.counters() == [Sample(PAGES, 9.0), Sample(TOKENS, 700.0, {"provider": "local", "model": ""})]
    assert [one.sample for one in ledger.daily(DAY) if one.sample.name == COST] == [Sample(COST, 1.75, labels)]
    assert ledger.reading(NOON, NOON + timedelta(hours=1)) == [Sample(COST, 1.75, labels), Sample(PAGES, 9)]


def test_what_was_entered_before_models_were_known_is_kept(older: str) -> None:
    with Ledger.open(older) as ledger:
        check(ledger)
        ledger.spend("zürich", date(2026, 11, 22), "embeddings", model="large", requests=1, tokens=10, usd=0.125)
        assert len(ledger.spending(date(2026, 11, 22))) == 3


def test_the_day_of_an_upgrade_costs_what_was_paid_on_it(older: str) -> None:
    tomorrow = date(2026, 11, 23)
    with Ledger.open(older) as ledger:
        now = [Sample(COST, 2.0, {"provider": "zürich", "model": ""}), Sample(COST, 0.5, {"provider": "zürich", "model": "large"})]
        ledger.keep_day(tomorrow.isoformat(), now)
        (day,) = last_days(ledger, 1, tomorrow)
    assert day.cost_usd == {"zürich": 0.75}


def test_counters_go_on_and_no_series_is_begun_anew(older: str) -> None:
    with Ledger.open(older) as ledger:
        ledger.count([Sample(TOKENS, 50, {"model": "", "provider": "local"}), Sample(TOKENS, 30, {"model": "tiny", "provider": "local"})])
        found = {one.labels["model"]: one.value for one in ledger.counters() if one.name == TOKENS}
    assert found == {"": 750, "tiny": 30}


@pytest.mark.parametrize(("word", "number"), [("spending", 3), ("UPDATE daily_metrics", 1)], ids=["in the table", "among the labels"])
def test_an_upgrade_that_is_killed_is_done_again(older: str, word: str, number: int) -> None:
    process = _forkserver.Process(target=processes.upgrade_until_killed, args=(older, word, number))
    process.start()
    process.join(120)
    assert process.exitcode == -9
    with Ledger.open(older) as ledger:
        check(ledger)
        with ledger._database.read() as connection:
            assert not [name for name in inspect(connection).get_table_names() if name.startswith("spending_")]


def test_a_ledger_can_go_back(older: str) -> None:
    with Ledger.open(older) as ledger:
        ledger.spend("zürich", date(2026, 11, 22), "embeddings", model="large", requests=1, tokens=10, usd=0.125)
        with ledger._database.write() as connection:
            migrate_to(connection, BEFORE)
            found = connection.execute(text("SELECT requests, tokens, usd FROM spending WHERE day = :day ORDER BY stage"), {"day": DAY})
            assert [tuple(row) for row in found] == [(3, 1_010, 0.625), (2, 1_000, 0.25)]
    with Ledger.open(older) as ledger:
        assert [one.sample.labels for one in ledger.daily(DAY) if one.sample.name == COST] == [{"provider": "zürich", "model": ""}]


@pytest.mark.parametrize("ledger_url", ["postgres"], indirect=True)
def test_rights_that_somebody_granted_are_kept(older: str) -> None:
    database = Database(older, 30.0)
    with database.write() as connection:
        connection.execute(text("GRANT SELECT ON spending TO PUBLIC"))
    database.engine.dispose()
    with Ledger.open(older) as ledger, ledger._database.read() as connection:
        rights = connection.scalar(text("SELECT CAST(relacl AS text) FROM pg_class WHERE oid = 'spending'::regclass"))
    assert ",=r/" in str(rights)
