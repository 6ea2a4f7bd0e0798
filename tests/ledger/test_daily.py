from __future__ import annotations

from docpipe.ledger import Ledger
from docpipe.ledger.daily import DaySample
from docpipe.metrics.sample import Sample

PAGES, FAILED = Sample("docpipe_pages_total", 7), Sample("docpipe_retries_total", 2, {"stage": "chunks"})


def test_a_day_can_be_written_again_and_only_what_changed_is(ledger: Ledger) -> None:
    assert ledger.keep_day("2026-11-22", [PAGES, FAILED]) == 2
    assert ledger.keep_day("2026-11-22", [PAGES, FAILED]) == 0
    assert ledger.keep_day("2026-11-22", [Sample("docpipe_pages_total", 9), FAILED]) == 1
    assert ledger.daily("2026-11-22") == [
        DaySample("2026-11-22", Sample("docpipe_pages_total", 9.0)),
        DaySample("2026-11-22", Sample("docpipe_retries_total", 2.0, {"stage": "chunks"})),
    ]


def test_the_last_known_day_before_comes_along(ledger: Ledger) -> None:
    for day in ("2026-11-01", "2026-11-10", "2026-11-20"):
        ledger.keep_day(day, [PAGES])
    assert [one.day for one in ledger.daily("2026-11-15")] == ["2026-11-10", "2026-11-20"]
    assert [one.day for one in ledger.daily("2026-10-15")] == ["2026-11-01", "2026-11-10", "2026-11-20"]


def test_old_days_are_forgotten(ledger: Ledger) -> None:
    for day in ("2026-11-01", "2026-11-10"):
        ledger.keep_day(day, [PAGES, FAILED])
    assert ledger.forget_days("2026-11-10") == 2
    assert {one.day for one in ledger.daily("2026-01-01")} == {"2026-11-10"}
