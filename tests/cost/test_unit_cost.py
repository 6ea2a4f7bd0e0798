"""What a thousand documents cost: the same days for both numbers, and no queries."""

from __future__ import annotations

import pytest

from docpipe.cost.unit_cost import unit_cost
from docpipe.daily import Day
from docpipe.ledger.spending import Spent


def spent(stage: str, usd: float, provider: str = "openai") -> Spent:
    return Spent("2026-11-22", provider, "large", stage, 1, 1, usd)


def test_money_is_divided_by_what_was_indexed_on_the_same_days() -> None:
    days = [
        Day("2026-11-21", indexed=100, cost_usd={"openai": 0.2}),
        Day("2026-11-22", indexed=300, cost_usd={"openai": 0.2, "local": 0.8}),
    ]
    found = unit_cost(days, [])
    assert found is not None
    assert found.indexed == 400
    assert list(found.usd) == ["local", "openai"]
    assert found.usd == pytest.approx({"openai": 1.0, "local": 2.0})
    assert found.total == pytest.approx(3.0)


def test_days_without_a_document_have_no_price() -> None:
    assert unit_cost([Day("2026-11-22", failed=3, cost_usd={"openai": 0.2})], [spent("embeddings", 0.2)]) is None
    assert unit_cost([], []) is None


def test_documents_that_cost_nothing_cost_nothing() -> None:
    found = unit_cost([Day("2026-11-22", indexed=5)], [spent("search", 0.1)])
    assert found is not None
    assert (found.indexed, found.usd, found.total) == (5, {}, 0.0)


def test_what_queries_cost_is_not_the_documents() -> None:
    days = [Day("2026-11-22", indexed=1_000, cost_usd={"openai": 4.0, "azure": 1.0, "mistral": 2.0})]
    found = unit_cost(days, [spent("embeddings", 3.0), spent("search", 1.0), spent("search", 1.0, "azure")])
    assert found is not None
    # Of azure only queries were asked; of the third the ledger has nothing, so that all of it may be the documents'.
    assert found.usd == pytest.approx({"openai": 3.0, "mistral": 2.0})


def test_money_that_is_newer_than_the_count_is_left_out() -> None:
    days = [Day("2026-11-22", indexed=1_000, cost_usd={"openai": 1.0})]
    found = unit_cost(days, [spent("embeddings", 9.0)])
    assert found is not None
    assert found.total == pytest.approx(1.0)
