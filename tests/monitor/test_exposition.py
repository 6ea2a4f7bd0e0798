from __future__ import annotations

import shutil
import subprocess

import pytest
from prometheus_client.parser import text_string_to_metric_families

from docpipe.metrics.histogram import observed, whole
from docpipe.metrics.sample import Sample
from docpipe.monitor.exposition import exposition

SAMPLES = [
    Sample("docpipe_documents", 3, {"status": "indexed"}),
    Sample("docpipe_documents", 0, {"status": "failed"}),
    Sample("docpipe_pages_total", 12.0),
    Sample("docpipe_index_points", 5, {"collection": 'documents "a"\\b\nc'}),
    Sample("docpipe_run_heartbeats", 1),
    *whole(observed("docpipe_stage_seconds", 0.3, {"stage": "chunks"})),
]


def test_prometheus_own_parser_reads_the_same_numbers() -> None:
    families = list(text_string_to_metric_families(exposition(SAMPLES).decode()))
    found = {(one.name, *sorted(one.labels.items())): one.value for family in families for one in family.samples}
    assert found == {(one.name, *sorted(one.labels.items())): one.value for one in SAMPLES}
    assert {family.name: family.type for family in families} == {
        "docpipe_documents": "gauge",
        "docpipe_pages": "counter",
        "docpipe_index_points": "gauge",
        "docpipe_run_heartbeats": "gauge",
        "docpipe_stage_seconds": "histogram",
    }
    assert all(family.documentation for family in families)


def test_what_another_version_counted_is_left_out() -> None:
    assert exposition([Sample("docpipe_of_tomorrow", 1)]) == b""


def test_promtool_has_no_complaint() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed")
    done = subprocess.run([promtool, "check", "metrics"], input=exposition(SAMPLES), capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stdout + done.stderr) == (0, b"")
