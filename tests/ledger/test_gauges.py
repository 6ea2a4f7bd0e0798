from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, update

from docpipe.lane import STAGE_LANES, LaneName
from docpipe.ledger import Ledger
from docpipe.ledger.gauges import Paid
from docpipe.ledger.schema import documents, leases
from docpipe.models import StageName
from docpipe.waiting_line import HELD
from tests.ledger.arrivals import index, register


def queued(ledger: Ledger) -> dict[str, int]:
    return {queue.lane.value: queue.documents for queue in ledger.queues(STAGE_LANES)}


def take(ledger: Ledger, stage: StageName, key: str) -> None:
    ledger.start(stage, {key: (1, "f", "r")}, "run")
    assert ledger.complete(stage, key, 1, "f", "r", {}, 0.1, "run")


def test_a_document_stands_in_the_lane_of_its_next_stage(ledger: Ledger) -> None:
    assert queued(ledger) == {"cpu": 0, "gpu": 0, "io": 0}
    register(ledger, "a", "b", "c")
    assert queued(ledger) == {"cpu": 3, "gpu": 0, "io": 0}
    ledger.queue("b1", ["a", "b"])
    for stage in (StageName.PARSED_PAGES, StageName.CHUNKS):
        take(ledger, stage, "a")
    assert queued(ledger) == {"cpu": 3, "gpu": 0, "io": 0}
    take(ledger, StageName.ENRICHED_CHUNKS, "a")
    assert queued(ledger) == {"cpu": 2, "gpu": 1, "io": 0}
    take(ledger, StageName.EMBEDDINGS, "a")
    assert queued(ledger) == {"cpu": 2, "gpu": 0, "io": 1}
    take(ledger, StageName.INDEXED_VECTORS, "a")
    assert queued(ledger) == {"cpu": 2, "gpu": 0, "io": 0}


def test_stages_of_an_older_generation_do_not_count(ledger: Ledger) -> None:
    (key,) = register(ledger, "a")
    index(ledger, [key])
    assert queued(ledger)["cpu"] == 0
    register(ledger, "a", etag="e2")
    ledger.queue("b1", [key])
    assert queued(ledger) == {"cpu": 1, "gpu": 0, "io": 0}


def test_the_oldest_is_the_one_that_has_not_moved_for_longest(ledger: Ledger) -> None:
    register(ledger, "a", "b")
    long_ago = datetime(2026, 1, 2, tzinfo=UTC)
    with ledger._database.write() as connection:
        connection.execute(update(documents).where(documents.c.key == "b").values(updated=long_ago))
    oldest = {queue.lane: queue.oldest for queue in ledger.queues(STAGE_LANES)}
    assert oldest == {LaneName.CPU: long_ago, LaneName.GPU: None, LaneName.IO: None}


def test_the_lanes_are_those_that_the_settings_give(ledger: Ledger) -> None:
    (key,) = register(ledger, "a")
    ledger.queue("b1", [key])
    for stage in (StageName.PARSED_PAGES, StageName.CHUNKS, StageName.ENRICHED_CHUNKS):
        take(ledger, stage, key)
    assert queued(ledger)["gpu"] == 1
    asks_a_provider = {**STAGE_LANES, StageName.EMBEDDINGS: LaneName.IO}
    assert {queue.lane.value: queue.documents for queue in ledger.queues(asks_a_provider)} == {"cpu": 0, "gpu": 0, "io": 1}


def test_what_rests_or_is_held_waits_for_nobody_and_alarms_nobody(ledger: Ledger) -> None:
    register(ledger, "spent", "held", "rested", "b")
    long_ago, now = datetime(2026, 1, 2, tzinfo=UTC), datetime.now(UTC)
    tomorrow, just_now = now + timedelta(hours=9), now - timedelta(minutes=1)
    with ledger._database.write() as connection:
        connection.execute(update(documents).values(updated=long_ago))
        connection.execute(update(documents).where(documents.c.key == "b").values(updated=now))
        for key, moment in (("spent", tomorrow), ("held", HELD), ("rested", just_now)):
            connection.execute(update(documents).where(documents.c.key == key).values(not_before=moment))
    (cpu, *_) = ledger.queues(STAGE_LANES)
    assert (cpu.lane, cpu.documents, cpu.oldest) == (LaneName.CPU, 2, just_now)
    ledger.queue("batch", ["rested", "b"])
    ledger.close_batch("batch", 3, hold=True)
    assert [(queue.documents, queue.oldest) for queue in ledger.queues(STAGE_LANES)] == [(0, None)] * 3


def test_the_oldest_is_looked_for_at_every_priority(ledger: Ledger) -> None:
    register(ledger, "a", "b", "c")
    with ledger._database.write() as connection:
        for key, priority in (("a", 7), ("b", -3)):
            values = {"priority": priority, "updated": datetime(2026, 1, abs(priority), tzinfo=UTC)}
            connection.execute(update(documents).where(documents.c.key == key).values(values))
    assert ledger.queues(STAGE_LANES)[0].oldest == datetime(2026, 1, 3, tzinfo=UTC)


def test_only_runs_that_give_signs_of_life_are_alive(ledger: Ledger) -> None:
    ledger.acquire("run/1", "1", 60)
    ledger.acquire("sensor/documents", "x", 60)
    with ledger._database.write() as connection:
        connection.execute(insert(leases).values(name="run/2", owner="2", expires=datetime.now(UTC) - timedelta(seconds=1)))
    assert ledger.living_runs() == 1


def test_open_batches_and_quarantine(ledger: Ledger) -> None:
    register(ledger, "a", "b")
    ledger.queue("b1", ["a"])
    ledger.queue("b2", ["b"])
    ledger.close_batch("b1", 3)
    assert (ledger.open_batch_count(), ledger.held_count(), ledger.ever_held_count()) == (1, 0, 0)


@pytest.mark.parametrize("days", [1, 3])
def test_what_each_model_was_paid_is_added_up_over_days_and_stages(ledger: Ledger, days: int) -> None:
    first = ledger.today()
    for day in range(days):
        for stage in ("embeddings", "search"):
            ledger.spend("openai", first - timedelta(days=day), stage, model="large", requests=1, tokens=100, usd=0.25)
        ledger.spend("openai", first - timedelta(days=day), "parsed_pages", model="eye", requests=2, tokens=50, usd=1.0)
    assert ledger.paid() == [
        Paid("openai", "eye", 2 * days, 50 * days, 1.0 * days),
        Paid("openai", "large", 2 * days, 200 * days, 0.5 * days),
    ]
