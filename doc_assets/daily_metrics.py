"""The asset of the daily numbers: what was done, what it cost, how long it took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

import dagster as dg

from doc_assets.charts import daily_bars, daily_lines
from docpipe.daily import DAYS, Day, keep_today, last_days
from docpipe.metrics.snapshot import samples
from docpipe.models import StageName
from resources.pipeline import PipelineResource

GROUP = "operations"


@dg.asset(
    group_name=GROUP,
    kinds={"python"},
    # A day and half of one: the schedule may be late, and nobody is woken for that.
    freshness_policy=dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=36), warn_window=timedelta(hours=26)),
)
def pipeline_metrics_daily(pipeline: PipelineResource) -> dg.MaterializeResult[None]:
    """The last days in numbers and pictures; made every night, and whenever somebody asks: then today stands there so far."""
    opened = pipeline.open()
    written = keep_today(opened.ledger, samples(opened))
    days = last_days(opened.ledger, DAYS)
    return dg.MaterializeResult(metadata={"day": days[-1].day, "numbers_written": written, **pictures(days), "days": table(days)})


def pictures(days: Sequence[Day]) -> dict[str, dg.MarkdownMetadataValue]:
    """A chart for each thing that happened at all."""
    names = [day.day for day in days]
    drawn: dict[str, dg.MarkdownMetadataValue] = {}

    def bars(name: str, series: Mapping[str, Sequence[float]], label: str) -> None:
        if any(map(any, series.values())):
            drawn[name] = daily_bars(names, series, label)

    outcomes = {word: [getattr(day, word) for day in days] for word in ("indexed", "failed", "postponed")}
    bars("documents_by_outcome", {word: values for word, values in outcomes.items() if any(values)}, "documents")
    bars("pages", {"pages": [day.pages for day in days]}, "pages")
    bars("quarantined", {"quarantined": [day.quarantined for day in days]}, "documents")
    providers = sorted({provider for day in days for provider in day.cost_usd})
    bars("cost", {provider: [day.cost_usd.get(provider, 0.0) for day in days] for provider in providers}, "US dollars")
    stages = [stage.value for stage in StageName if any(stage.value in day.slow_seconds for day in days)]
    if stages:
        slow = {stage: [day.slow_seconds.get(stage) for day in days] for stage in stages}
        drawn["slowest_twentieth"] = daily_lines(names, slow, "seconds, 95 of 100 below")
    if any(day.cache_hits is not None for day in days):
        drawn["cache_hit_rate"] = daily_lines(names, {"found": [day.cache_hits for day in days]}, "share found in caches")
    return drawn


def table(days: Sequence[Day]) -> dg.TableMetadataValue:
    """The same as a table, the newest day first."""
    return dg.MetadataValue.table([dg.TableRecord(_row(day)) for day in reversed(days)])


def _row(day: Day) -> dict[str, str | int | float]:
    return {
        "day": day.day,
        "indexed": day.indexed,
        "failed": day.failed,
        "postponed": day.postponed,
        "quarantined": day.quarantined,
        "pages": day.pages,
        "chunks": day.chunks,
        "cost_usd": round(sum(day.cost_usd.values()), 4),
        "slowest_stage_seconds": round(max(day.slow_seconds.values(), default=0.0), 2),
        "cache_hits": "" if day.cache_hits is None else f"{day.cache_hits:.0%}",
    }
