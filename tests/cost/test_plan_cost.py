from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from docpipe.cost.plan_cost import plan_cost
from docpipe.models import StageName
from docpipe.pipeline import Pipeline
from docpipe.reprocess import Plan, StagePlan
from docpipe.settings import Settings

MakeSettings = Callable[..., Settings]


def planned(**stages: StagePlan) -> Plan:
    return Plan({name: stages.get(name.value, StagePlan()) for name in StageName}, ["a"])


def test_embeddings_cost_their_tokens_at_the_price_of_today(settings: MakeSettings) -> None:
    pipeline = Pipeline(settings(embedder="openai:text-embedding-3-large", workers=4, budgets="openai=1"))
    work = planned(
        parsed_pages=StagePlan(seconds=2_400.0), embeddings=StagePlan(seconds=60.0, counts=Counter(tokens=10_000_000), cost_usd=0.2)
    )
    cost = plan_cost(pipeline, work)
    stages = {one.stage: one for one in cost.stages}
    assert stages[StageName.EMBEDDINGS].provider_usd == cost.usd == pytest.approx(1.3)
    # Parsing is shared by four workers, embeddings are not.
    assert (stages[StageName.PARSED_PAGES].minutes, stages[StageName.EMBEDDINGS].minutes, cost.minutes) == (10.0, 1.0, 11.0)
    (short,) = cost.short
    assert (short.provider, short.left) == ("openai", 1.0)
    pipeline.ledger.close()


def test_what_was_spent_today_is_not_left(settings: MakeSettings) -> None:
    pipeline = Pipeline(settings(embedder="openai:text-embedding-3-large", budgets="openai=2"))
    work = planned(embeddings=StagePlan(counts=Counter(tokens=10_000_000)))
    assert not plan_cost(pipeline, work).short
    pipeline.ledger.spend("openai", pipeline.ledger.today(), "embeddings", requests=1, tokens=1, usd=1.0)
    assert [one.left for one in plan_cost(pipeline, work).short] == [1.0]
    pipeline.ledger.close()


def test_a_limit_on_tokens_a_minute_takes_its_time(settings: MakeSettings) -> None:
    pipeline = Pipeline(settings(embedder="openai:text-embedding-3-small", embed_tokens_per_minute=1_000_000))
    cost = plan_cost(pipeline, planned(embeddings=StagePlan(seconds=6.0, counts=Counter(tokens=30_000_000))))
    assert cost.minutes == 30.0
    pipeline.ledger.close()


def test_local_work_costs_what_it_took_last_time(settings: MakeSettings, tmp_path: Path) -> None:
    prices = tmp_path / "prices.yaml"
    prices.write_text("date: 2026-11-22\nlocal: {cpu_hour: 3.6}\nproviders: {shop: {eyes: {input: 1}}}")
    seen = {"vision_url": "http://shop/v1", "vision_model": "eyes", "vision_provider": "shop"}
    pipeline = Pipeline(settings(prices=str(prices), **seen))
    cost = plan_cost(pipeline, planned(parsed_pages=StagePlan(cpu_seconds=1_000.0, cost_usd=1.5), chunks=StagePlan(cpu_seconds=100.0)))
    stages = {one.stage: (one.provider, round(one.provider_usd, 9), round(one.local_usd, 9)) for one in cost.stages}
    assert stages[StageName.PARSED_PAGES] == ("shop", 0.5, 1.0)
    assert stages[StageName.CHUNKS] == ("", 0.0, 0.1)
    pipeline.ledger.close()


def test_a_local_model_costs_nothing(settings: MakeSettings) -> None:
    pipeline = Pipeline(settings())
    assert plan_cost(pipeline, planned(embeddings=StagePlan(counts=Counter(tokens=10**9)))).usd == 0
    pipeline.ledger.close()
