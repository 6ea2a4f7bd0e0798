"""What a reprocess will take: minutes by what the same work took last time, dollars by the price table of today."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from docpipe.cost.price_table import price_table
from docpipe.cost.standing import BudgetStanding, budget_standings
from docpipe.cost.tariff import Tariff, embed_tariff, vision_tariff
from docpipe.models import StageName
from docpipe.pipeline import Pipeline
from docpipe.reprocess import Plan, StagePlan
from docpipe.settings import Settings

_IN_WORKERS = (StageName.PARSED_PAGES, StageName.CHUNKS, StageName.ENRICHED_CHUNKS)
_MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class StageCost:
    """One stage of a plan."""

    stage: StageName
    minutes: float
    """On one machine with the workers of the settings."""
    provider: str
    """Empty where the stage asks none."""
    provider_usd: float
    """At most: answers and vectors that are kept from an earlier time cost nothing."""
    local_usd: float


@dataclass(frozen=True, slots=True)
class PlanCost:
    """All stages, and whether today's budgets suffice."""

    stages: tuple[StageCost, ...]
    short: tuple[BudgetStanding, ...]
    """Budgets that are too small: what does not fit waits for the next day, and the one after."""

    @property
    def usd(self) -> float:
        return sum(one.provider_usd + one.local_usd for one in self.stages)

    @property
    def minutes(self) -> float:
        return sum(one.minutes for one in self.stages)


def plan_cost(pipeline: Pipeline, plan: Plan) -> PlanCost:
    """Price the work that a plan names; raises `PriceMissing`."""
    settings = pipeline.settings
    stages = tuple(_stages(settings, plan))
    needed: dict[str, float] = {}
    for one in stages:
        needed[one.provider] = needed.get(one.provider, 0.0) + one.provider_usd
    short = (one for one in budget_standings(pipeline) if one.left is not None and needed.get(one.provider, 0.0) > one.left)
    return PlanCost(stages, tuple(short))


def _stages(settings: Settings, plan: Plan) -> Iterator[StageCost]:
    table, embed, vision = price_table(settings), embed_tariff(settings), vision_tariff(settings)
    for name, row in plan.stages.items():
        tariff = vision if name is StageName.PARSED_PAGES else embed
        local_usd = table.local(row.cpu_seconds, row.gpu_seconds)
        provider_usd = _provider_usd(name, row, tariff, row.cost_usd - local_usd) if tariff else 0.0
        yield StageCost(name, _minutes(settings, name, row), tariff.provider if provider_usd and tariff else "", provider_usd, local_usd)


def _provider_usd(name: StageName, row: StagePlan, tariff: Tariff, before: float) -> float:
    """`before` is what providers were paid for the same work."""
    if name is StageName.EMBEDDINGS:
        return tariff.usage(input_tokens=row.counts["tokens"]).usd
    if name is StageName.ENRICHED_CHUNKS:
        return tariff.usage(input_tokens=row.counts["billed_tokens"]).usd
    if name is StageName.PARSED_PAGES:
        # Where it was paid for before, that says more than its tokens, of which the written ones cost several times as much.
        return max(0.0, before) or tariff.usage(input_tokens=row.counts["vision_tokens"]).usd
    return 0.0


def _minutes(settings: Settings, name: StageName, row: StagePlan) -> float:
    minutes = row.seconds / _MINUTE / (settings.workers if name in _IN_WORKERS else 1)
    if name is StageName.EMBEDDINGS and settings.embed_tokens_per_minute:
        return max(minutes, row.counts["tokens"] / settings.embed_tokens_per_minute)
    return minutes
