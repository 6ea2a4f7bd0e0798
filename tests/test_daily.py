"""Days from counters that only rise."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest

from docpipe.daily import Day, days_of, keep_today, last_days
from docpipe.ledger import Ledger
from docpipe.ledger.daily import DaySample
from docpipe.metrics.histogram import observed
from docpipe.metrics.sample import Sample
from docpipe.settings import Settings

RESULTS = "docpipe_stage_results_total"


def result(stage: str, outcome: str, value: float) -> Sample:
    return Sample(RESULTS, value, {"stage": stage, "outcome": outcome})


def on(day: str, *samples: Sample) -> list[DaySample]:
    return [DaySample(day, sample) for sample in samples]


def test_a_day_is_what_was_added_since_the_one_before() -> None:
    kept = [
        *on("2026-11-20", result("indexed_vectors", "made", 100), result("chunks", "failed", 3), Sample("docpipe_pages_total", 1_000)),
        *on(
            "2026-11-21",
            result("indexed_vectors", "made", 130),
            result("indexed_vectors", "reused", 5),
            result("chunks", "failed", 4),
            result("embeddings", "failed", 2),
            result("embeddings", "postponed", 6),
            Sample("docpipe_pages_total", 1_200),
            Sample("docpipe_cost_usd_total", 0.25, {"provider": "openai", "model": "large"}),
            Sample("docpipe_cost_usd_total", 0.25, {"provider": "openai", "model": "eye"}),
            Sample("docpipe_cache_hits_total", 30, {"cache": "embeddings"}),
            Sample("docpipe_cache_misses_total", 10, {"cache": "embeddings"}),
        ),
    ]
    (day,) = days_of(kept, ["2026-11-21"])
    assert (day.indexed, day.failed, day.postponed, day.pages) == (35, 3, 6, 200)
    assert (day.cost_usd, day.cache_hits) == ({"openai": 0.5}, 0.75)


def test_days_without_numbers_are_empty_and_cost_the_next_one_nothing() -> None:
    kept = [*on("2026-11-18", Sample("docpipe_pages_total", 10)), *on("2026-11-21", Sample("docpipe_pages_total", 25))]
    days = days_of(kept, ["2026-11-18", "2026-11-19", "2026-11-20", "2026-11-21"])
    assert [day.pages for day in days] == [10, 0, 0, 15]
    assert days[1] == Day("2026-11-19")


def test_counters_that_began_anew_are_no_negative_work() -> None:
    kept = [*on("2026-11-20", Sample("docpipe_pages_total", 500)), *on("2026-11-21", Sample("docpipe_pages_total", 20))]
    assert [day.pages for day in days_of(kept, ["2026-11-21"])] == [20]


def test_the_slowest_are_those_of_the_day() -> None:
    def seconds(number: int, value: float) -> list[Sample]:
        return [Sample(s.name, s.value * number, s.labels) for s in observed("docpipe_stage_seconds", value, {"stage": "chunks"})]

    fast, both = seconds(100, 0.02), seconds(100, 0.02) + seconds(10, 50.0)
    merged: dict[tuple[str, str], Sample] = {}
    for sample in both:
        place = (sample.name, str(sorted(sample.labels.items())))
        merged[place] = Sample(sample.name, sample.value + (merged[place].value if place in merged else 0), sample.labels)
    first, second = days_of([*on("2026-11-20", *fast), *on("2026-11-21", *merged.values())], ["2026-11-20", "2026-11-21"])
    assert first.slow_seconds["chunks"] <= 0.05
    assert 30 < second.slow_seconds["chunks"] <= 60


def test_the_last_look_of_a_day_is_the_day(settings: Callable[..., Settings]) -> None:
    with Ledger.open(settings().ledger_url) as ledger:
        for hour, pages in ((8, 100), (23, 140)):
            samples = [Sample("docpipe_pages_total", pages), Sample("docpipe_gpu_utilisation", 0.5, {"gpu": "0"})]
            keep_today(ledger, samples, datetime(2026, 11, 20, hour, tzinfo=UTC))
        keep_today(ledger, [Sample("docpipe_pages_total", 150)], datetime(2026, 11, 21, 9, tzinfo=UTC))
        days = last_days(ledger, 3, date(2026, 11, 21))
        assert [(day.day, day.pages) for day in days] == [("2026-11-19", 0), ("2026-11-20", 140), ("2026-11-21", 10)]
        assert {one.sample.name for one in ledger.daily("2026-11-19")} == {"docpipe_pages_total"}


def test_nothing_at_all(settings: Callable[..., Settings]) -> None:
    with Ledger.open(settings().ledger_url) as ledger:
        assert last_days(ledger, 2, date(2026, 11, 21)) == [Day("2026-11-20"), Day("2026-11-21")]


@pytest.mark.parametrize("share", [0.0, 0.5, 0.95, 1.0])
def test_quantiles_lie_within_their_bucket(share: float) -> None:
    from docpipe.quantile import quantile

    value = quantile({1.0: 10, 2.0: 30, float("inf"): 30}, share)
    assert value == pytest.approx({0.0: 0.0, 0.5: 1.25, 0.95: 1.925, 1.0: 2.0}[share])
    assert quantile({1.0: 0, float("inf"): 0}, share) is None
    assert quantile({}, share) is None
    assert quantile({1.0: 0, float("inf"): 5}, 0.5) == 1.0
