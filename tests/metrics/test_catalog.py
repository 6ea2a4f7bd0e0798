from __future__ import annotations

import re

from docpipe.metrics.catalog import KNOWN, METRICS, SERIES, Kind


def test_names_follow_prometheus_conventions() -> None:
    for metric in METRICS:
        assert re.fullmatch(r"docpipe_[a-z_]+[a-z]", metric.name)
        assert metric.name.endswith("_total") is (metric.kind is Kind.COUNTER)
        assert metric.help.endswith(".")
        assert bool(metric.buckets) is (metric.kind is Kind.HISTOGRAM)
        assert list(metric.buckets) == sorted(metric.buckets)
        # Prometheus gives these labels itself.
        assert not {"le", "job", "instance"} & set(metric.labels) or metric.name == "docpipe_run_seconds"


def test_every_series_leads_to_its_metric() -> None:
    assert len(KNOWN) == len(METRICS)
    assert SERIES["docpipe_stage_seconds_bucket"] is KNOWN["docpipe_stage_seconds"]
    assert "docpipe_stage_seconds" not in SERIES
    assert SERIES["docpipe_documents"] is KNOWN["docpipe_documents"]
