from __future__ import annotations

from collections.abc import Mapping

import pytest

from docpipe.metrics.catalog import DOCUMENTS, KNOWN
from docpipe.metrics.histogram import observed, whole
from docpipe.metrics.sample import Sample

NAME = "docpipe_batch_documents"


def added(*values: float) -> list[Sample]:
    """What the ledger has after these observations."""
    totals: dict[tuple[str, frozenset[tuple[str, str]]], float] = {}
    for value in values:
        for sample in observed(NAME, value):
            place = (sample.name, frozenset(sample.labels.items()))
            totals[place] = totals.get(place, 0) + sample.value
    return [Sample(name, value, dict(labels)) for (name, labels), value in totals.items()]


def buckets(samples: list[Sample]) -> Mapping[str, float]:
    return {sample.labels["le"]: sample.value for sample in samples if sample.name == f"{NAME}_bucket"}


def test_buckets_are_cumulative_and_all_there() -> None:
    found = whole(added(1, 7, 2_000))
    assert list(buckets(found)) == [*map(str, DOCUMENTS), "+Inf"]
    assert [buckets(found)[limit] for limit in ("1.0", "2.0", "5.0", "10.0", "1000.0", "+Inf")] == [1, 1, 1, 2, 2, 3]
    rest = {sample.name: sample.value for sample in found if "le" not in sample.labels}
    assert rest == {f"{NAME}_sum": 2_008, f"{NAME}_count": 3}


def test_a_bound_belongs_to_its_bucket() -> None:
    assert buckets(whole(added(10)))["10.0"] == 1
    assert buckets(whole(added(10)))["5.0"] == 0


def test_histograms_of_different_labels_stay_apart() -> None:
    name = "docpipe_stage_seconds"
    found = whole([*observed(name, 0.2, {"stage": "chunks"}), *observed(name, 7_200, {"stage": "parsed_pages"})])
    last = {sample.labels["stage"]: sample.value for sample in found if sample.labels.get("le") == "3600.0"}
    assert last == {"chunks": 1, "parsed_pages": 0}
    assert len(found) == 2 * (len(KNOWN[name].buckets) + 3)


def test_other_counters_pass() -> None:
    assert whole([Sample("docpipe_pages_total", 3)]) == [Sample("docpipe_pages_total", 3)]


def test_only_histograms_of_the_catalog_are_observed() -> None:
    with pytest.raises(KeyError):
        list(observed("docpipe_no_such_seconds", 1))
