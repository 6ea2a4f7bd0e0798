"""How today's budgets stand."""

from __future__ import annotations

from dataclasses import dataclass

from docpipe.cost.tariff import asked_models
from docpipe.pipeline import Pipeline


@dataclass(frozen=True, slots=True)
class BudgetStanding:
    """One provider, today (UTC)."""

    provider: str
    committed_usd: float
    """Paid, and set aside for requests under way."""
    limit_usd: float | None
    is_spent: bool
    """A request was refused at this limit: its documents wait for tomorrow."""
    is_asked: bool
    """By a stage of the present settings; a budget of one that is not may have its name spelled wrong."""

    @property
    def left(self) -> float | None:
        """US dollars; None where there is no limit."""
        return None if self.limit_usd is None else max(0.0, self.limit_usd - self.committed_usd)


def budget_standings(pipeline: Pipeline) -> list[BudgetStanding]:
    """Every provider that has a budget or was paid today, by name."""
    ledger, limits = pipeline.ledger, pipeline.settings.budget_limits
    asked = {provider for provider, _ in asked_models(pipeline.settings)}
    known = {one.provider: one for one in ledger.commitments(ledger.today())}
    standings = []
    for provider in sorted(limits.keys() | known.keys()):
        limit, commitment = limits.get(provider), known.get(provider)
        refused_at = commitment.refused_at if commitment else None
        spent = limit is not None and refused_at is not None and refused_at >= limit
        standings.append(BudgetStanding(provider, commitment.usd if commitment else 0.0, limit, spent, provider in asked))
    return standings
