"""How much a provider may be paid a day, and what becomes of documents that wait for the next one."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from docpipe.cost.dollars import dollars
from docpipe.errors import BudgetSpent
from docpipe.pipeline import Pipeline

LONGEST_WAIT = timedelta(days=1, hours=1)
"""Nothing waits longer: tomorrow begins sooner, and so does the longest rest after an outage end."""


def midnight_after(day: date) -> datetime:
    """When the next day's budget begins, in UTC."""
    return datetime.combine(day + timedelta(days=1), time(), UTC)


def budget_spent(provider: str, limit: float, day: date, asked: float) -> BudgetSpent:
    """The error for a request that may cost so many US dollars, and does not fit into the rest of the day's budget."""
    until = midnight_after(day)
    waits = f"waits until {until:%Y-%m-%d %H:%M} UTC"
    budget = f"the budget of {provider} ({dollars(limit)} US dollars a day)"
    if asked > limit:
        why = f"one request may cost {dollars(asked)} US dollars, more than {budget}: raise DOCPIPE_BUDGETS"
    else:
        why = f"{budget} is spent"
    return BudgetSpent(f"{waits}: {why}", until)


def free_postponed(pipeline: Pipeline) -> int:
    """Let documents go on whose budget was raised or taken away, or that a clock which was ahead told to wait; returns how many.

    Two reads of few rows where there is nothing to do, so that every sensor tick may ask. Documents that waited for another
    provider as well are postponed once more, which counts no attempt.
    """
    ledger, limits = pipeline.ledger, pipeline.settings.budget_limits
    day = ledger.today()
    freed = ledger.free_beyond(datetime.now(UTC) + LONGEST_WAIT)
    for commitment in ledger.commitments(day):
        limit = limits.get(commitment.provider)
        if commitment.refused_at is not None and (limit is None or limit > commitment.refused_at):
            freed += ledger.free(commitment.provider, day, midnight_after(day))
    return freed
