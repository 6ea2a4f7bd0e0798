from __future__ import annotations

from collections.abc import Sequence

from docpipe.alerts.measure import measure
from docpipe.alerts.rule import Rule, Selection
from docpipe.metrics.histogram import observed, whole
from docpipe.metrics.sample import Sample
from tests.alerts.rules import rule

RESULTS = "docpipe_stage_results_total"


def results(**counts: float) -> list[Sample]:
    """`chunks_failed=3` is three failed documents of the stage chunks."""
    return [Sample(RESULTS, value, dict(zip(("stage", "outcome"), name.split("_"), strict=True))) for name, value in counts.items()]


def values(of: Rule, now: Sequence[Sample], before: Sequence[Sample] | None = None) -> list[tuple[dict[str, str], float]]:
    return [(dict(one.labels), one.value) for one in measure(of, now, before)]


def test_every_gauge_is_an_alert_of_its_own() -> None:
    now = [Sample("docpipe_queue_oldest_seconds", age, {"lane": lane}) for lane, age in (("gpu", 5), ("cpu", 99))]
    assert values(rule(), [*now, Sample("docpipe_open_batches", 3)]) == [({"lane": "cpu"}, 99), ({"lane": "gpu"}, 5)]
    assert values(rule(of=Selection("docpipe_queue_oldest_seconds", {"lane": ("cpu", "io")})), now) == [({"lane": "cpu"}, 99)]


def test_gauges_can_be_added_up_and_a_sum_of_none_is_zero() -> None:
    added = rule(of=Selection("docpipe_documents", {"status": ("failed", "refused")}), by=())
    now = [Sample("docpipe_documents", number, {"status": status}) for status, number in (("failed", 2), ("refused", 3), ("indexed", 9))]
    assert values(added, now) == [({}, 5)]
    assert values(added, []) == [({}, 0)]


def test_a_counter_is_compared_by_its_increase() -> None:
    failed = rule(of=Selection(RESULTS, {"outcome": ("failed",)}), window_seconds=60)
    now = results(chunks_failed=7, embeddings_failed=4, chunks_made=100)
    assert values(failed, now, results(chunks_failed=5, chunks_made=1)) == [
        ({"stage": "chunks", "outcome": "failed"}, 2),
        ({"stage": "embeddings", "outcome": "failed"}, 4),
    ]


def test_without_a_past_nothing_is_said_of_a_counter() -> None:
    failed = rule(of=Selection(RESULTS), window_seconds=60)
    assert values(failed, results(chunks_failed=7), None) == []
    assert values(failed, results(chunks_failed=7), []) == [({"stage": "chunks", "outcome": "failed"}, 7)]


def test_a_counter_that_began_anew_counts_from_zero() -> None:
    failed = rule(of=Selection(RESULTS), window_seconds=60)
    assert values(failed, results(chunks_failed=2), results(chunks_failed=50)) == [({"stage": "chunks", "outcome": "failed"}, 2)]


SHARE = rule(
    of=Selection(RESULTS, {"outcome": ("failed",)}),
    share_of=Selection(RESULTS, {"outcome": ("failed", "made")}),
    window_seconds=60,
    at_least=10,
)


def test_a_share_is_one_number_or_one_by_label() -> None:
    before, now = results(chunks_made=100, chunks_failed=5), results(chunks_made=110, chunks_failed=15, embeddings_made=60)
    assert values(rule(**_of(SHARE), by=()), now, before) == [({}, 10 / 80)]
    assert values(rule(**_of(SHARE), by=("stage",)), now, before) == [({"stage": "chunks"}, 0.5), ({"stage": "embeddings"}, 0.0)]


def test_a_share_of_almost_nothing_is_no_share() -> None:
    by_stage = rule(**_of(SHARE), by=("stage",))
    assert values(by_stage, results(chunks_failed=1), []) == []
    assert values(rule(**_of(SHARE) | {"at_least": 0.0}, by=()), [], []) == []


def _of(one: Rule) -> dict[str, object]:
    return {name: getattr(one, name) for name in ("of", "share_of", "window_seconds", "at_least")}


def test_a_quantile_is_one_of_the_window_alone() -> None:
    slow = rule(of=Selection("docpipe_stage_seconds"), quantile=0.5, window_seconds=60, at_least=4)

    def seconds(*each: float) -> list[Sample]:
        return whole(_summed([sample for value in each for sample in observed("docpipe_stage_seconds", value, {"stage": "chunks"})]))

    before, now = seconds(*[0.02] * 100), seconds(*[0.02] * 100, 40, 40, 50, 50)
    ((labels, median),) = values(slow, now, before)
    assert labels == {"stage": "chunks"}
    assert 30 < median <= 60
    assert values(slow, seconds(*[0.02] * 100, 40), before) == []


def _summed(samples: list[Sample]) -> list[Sample]:
    totals: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}
    for sample in samples:
        place = (sample.name, tuple(sorted(sample.labels.items())))
        totals[place] = totals.get(place, 0) + sample.value
    return [Sample(name, value, dict(labels)) for (name, labels), value in totals.items()]


def test_what_is_no_number_is_left_out() -> None:
    assert values(rule(), [Sample("docpipe_queue_oldest_seconds", float("nan"), {"lane": "cpu"})]) == []


def test_a_provider_is_paid_for_all_its_models_together() -> None:
    def paid(**models: float) -> list[Sample]:
        return [Sample("docpipe_cost_usd_total", usd, {"provider": "openai", "model": model}) for model, usd in models.items()]

    together = rule(of=Selection("docpipe_cost_usd_total"), by=("provider",), window_seconds=60)
    assert values(together, paid(large=1.5, eye=0.25), paid(large=1.25)) == [({"provider": "openai"}, 0.5)]
