"""The asset of the daily numbers, as Dagster shows it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import dagster as dg

from doc_assets.daily_metrics import pictures, table
from docpipe.daily import Day
from docpipe.metrics.sample import Sample
from tests.installation import Installation


def materialization(installation: Installation) -> dg.AssetMaterialization:
    assert installation.execute("daily_metrics").success
    record = installation.instance.fetch_materializations(dg.AssetKey("pipeline_metrics_daily"), limit=1).records[0]
    assert record.asset_materialization
    return record.asset_materialization


def test_it_writes_the_day_and_draws_what_there_is(installation: Installation) -> None:
    ledger, today = installation.pipeline.ledger, datetime.now(UTC).date()
    results = {"stage": "indexed_vectors", "outcome": "made"}
    ledger.keep_day((today - timedelta(days=1)).isoformat(), [Sample("docpipe_pages_total", 40)])
    ledger.count([Sample("docpipe_pages_total", 100), Sample("docpipe_stage_results_total", 12, results)])
    shown = materialization(installation).metadata
    rows = [record.data for record in shown["days"].records]  # type: ignore[attr-defined]
    assert len(rows) == 14
    assert [(row["day"], row["pages"], row["indexed"]) for row in rows[:2]] == [
        (today.isoformat(), 60, 12),
        ((today - timedelta(days=1)).isoformat(), 40, 0),
    ]
    for name in ("documents_by_outcome", "pages"):
        assert str(shown[name].value).startswith("![picture](data:image/png;base64,iVBOR")
    assert "cost" not in shown
    # Again on the same day: the same numbers, and nothing more to write.
    assert materialization(installation).metadata["numbers_written"].value == 0


def test_nothing_at_all_is_a_table_of_zeros(installation: Installation) -> None:
    shown = materialization(installation).metadata
    assert {"day", "numbers_written", "days"} == {name for name in shown if not name.startswith("dagster/")}


def test_everything_that_happened_has_its_picture() -> None:
    days = [
        Day("2026-11-20", 9, 1, 1, 90, 300, 1, {"openai": 0.5, "vision": 0.1}, {"chunks": 0.2, "embeddings": 3.0}, 0.5),
        Day("2026-11-21"),
        Day("2026-11-22", 9, slow_seconds={"chunks": 0.3}, cache_hits=0.0),
    ]
    assert set(pictures(days)) == {"documents_by_outcome", "pages", "quarantined", "cost", "slowest_twentieth", "cache_hit_rate"}
    newest, empty, oldest = (record.data for record in table(days).records)
    assert (newest["day"], newest["cache_hits"], empty["cache_hits"]) == ("2026-11-22", "0%", "")
    assert (oldest["cost_usd"], oldest["slowest_stage_seconds"], oldest["failed"]) == (0.6, 3.0, 1)
