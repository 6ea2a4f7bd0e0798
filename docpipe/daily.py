"""What was done on each day: the increase of the counters from the end of one day to the end of the next."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from docpipe.ledger import Ledger
from docpipe.ledger.daily import DaySample
from docpipe.metrics.catalog import SERIES, Kind
from docpipe.metrics.sample import Sample
from docpipe.models import StageName
from docpipe.quantile import quantile

DAYS = 14
GAUGES = ("docpipe_documents", "docpipe_quarantined_documents", "docpipe_index_points")
"""Kept as they stand at the end of a day; of other gauges a day's last value says nothing."""
SLOW = 0.95
_LAST = list(StageName)[-1]

Place = tuple[str, tuple[tuple[str, str], ...]]


@dataclass(frozen=True, slots=True)
class Day:
    """One day, in UTC."""

    day: str
    indexed: int = 0
    failed: int = 0
    postponed: int = 0
    pages: int = 0
    chunks: int = 0
    quarantined: int = 0
    """Documents that were quarantined on this day."""
    cost_usd: Mapping[str, float] = field(default_factory=dict)
    """By provider."""
    slow_seconds: Mapping[str, float] = field(default_factory=dict)
    """By stage, the time below which 95 of 100 documents stayed."""
    cache_hits: float | None = None
    """Share of what caches were asked for; None on a day without a question."""


def keep_today(ledger: Ledger, samples: Iterable[Sample], now: datetime | None = None) -> int:
    """Write the day's numbers as they stand now; the last time before midnight, they are those of the day."""
    kept = [sample for sample in samples if sample.name in GAUGES or (sample.name in SERIES and SERIES[sample.name].kind is not Kind.GAUGE)]
    return ledger.keep_day((now or datetime.now(UTC)).date().isoformat(), kept)


def last_days(ledger: Ledger, count: int = DAYS, today: date | None = None) -> list[Day]:
    """The last days up to today, oldest first; those without a number are empty."""
    end = today or datetime.now(UTC).date()
    names = [(end - timedelta(days=number)).isoformat() for number in reversed(range(count))]
    return days_of(ledger.daily(names[0]), names)


def days_of(kept: Iterable[DaySample], names: Sequence[str]) -> list[Day]:
    """Take the numbers apart by day; what lies before the first of the days is where its increase begins."""
    by_day: defaultdict[str, dict[Place, float]] = defaultdict(dict)
    for one in kept:
        by_day[one.day][one.sample.name, tuple(sorted(one.sample.labels.items()))] = one.sample.value
    earlier: dict[Place, float] = {}
    for name in sorted(day for day in by_day if day < names[0]):
        earlier |= by_day[name]
    days: list[Day] = []
    for name in names:
        found = by_day.get(name, {})
        # A counter that is lower than it was began anew.
        grown = {place: value - earlier.get(place, 0.0) if value >= earlier.get(place, 0.0) else value for place, value in found.items()}
        days.append(_day(name, grown))
        earlier |= found
    return days


def _day(name: str, grown: Mapping[Place, float]) -> Day:
    def total(metric: str, **labels: str) -> float:
        return sum(value for (found, given), value in grown.items() if found == metric and labels.items() <= dict(given).items())

    def by(metric: str, label: str) -> dict[str, float]:
        totals: defaultdict[str, float] = defaultdict(float)
        for (found, given), value in grown.items():
            if found == metric and value:
                totals[dict(given).get(label, "")] += value
        return dict(totals)

    results = "docpipe_stage_results_total"
    hits, misses = total("docpipe_cache_hits_total"), total("docpipe_cache_misses_total")
    return Day(
        day=name,
        indexed=round(sum(total(results, stage=_LAST.value, outcome=outcome) for outcome in ("made", "reused"))),
        failed=round(total(results, outcome="failed")),
        postponed=round(total(results, outcome="postponed")),
        pages=round(total("docpipe_pages_total")),
        chunks=round(total("docpipe_chunks_total")),
        quarantined=round(total("docpipe_quarantined_total")),
        cost_usd=by("docpipe_cost_usd_total", "provider"),
        slow_seconds=_slow(grown),
        cache_hits=hits / (hits + misses) if hits + misses else None,
    )


def _slow(grown: Mapping[Place, float]) -> dict[str, float]:
    buckets: defaultdict[str, dict[float, float]] = defaultdict(dict)
    for (name, labels), value in grown.items():
        if name == "docpipe_stage_seconds_bucket":
            given = dict(labels)
            buckets[given["stage"]][float(given["le"])] = value
    found = ((stage.value, quantile(buckets[stage.value], SLOW)) for stage in StageName if stage.value in buckets)
    return {stage: seconds for stage, seconds in found if seconds is not None}
