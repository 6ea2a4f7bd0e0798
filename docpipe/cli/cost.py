"""What was paid: by day, provider, model and stage, or for one document."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer
from rich.markup import escape

from docpipe.cli.output import Json, console, open_pipeline, print_json, table
from docpipe.cost.budget import midnight_after
from docpipe.cost.dollars import dollars
from docpipe.cost.price_table import price_table
from docpipe.cost.standing import BudgetStanding, budget_standings
from docpipe.cost.unit_cost import UnitCost, unit_cost
from docpipe.daily import last_days
from docpipe.errors import DocumentUnknown
from docpipe.models import StageName, StageState
from docpipe.pipeline import Pipeline
from docpipe.stage import WORK_COUNTS


def cost(
    days: Annotated[int, typer.Option(min=1, max=3_660, help="How many days back, today included (UTC).")] = 7,
    document: Annotated[str | None, typer.Option(help="Its name in the bucket or its partition key: what it took, stage by stage.")] = None,
    as_json: Json = False,
) -> None:
    """Show what providers were paid, how today's budgets stand, and what one document took."""
    pipeline = open_pipeline()
    if document is None:
        _show_days(pipeline, days, as_json)
    else:
        _show_document(pipeline, document, as_json)


def _show_days(pipeline: Pipeline, days: int, as_json: bool) -> None:
    today, prices = pipeline.ledger.today(), price_table(pipeline.settings)
    spent = pipeline.ledger.spending(today - timedelta(days=days - 1), today)
    budgets = budget_standings(pipeline)
    each = unit_cost(last_days(pipeline.ledger, days, today), spent)
    if as_json:
        found = {"days": spent, "usd": sum(one.usd for one in spent), "budgets": budgets, "prices_of": prices.date.isoformat()}
        print_json({**found, "indexed": each.indexed if each else 0, "per_thousand_usd": each.total if each else None})
        return
    right = ("requests", "tokens", "US dollars")
    rows = table("day", "provider and model", "stage", *right, right=right)
    # Together they give way on a narrow terminal: alone, a model would stand there letter below letter.
    rows.columns[1].no_wrap = False
    for one in spent:
        asked = escape(f"{one.provider} {one.model}".rstrip())
        rows.add_row(one.day, asked, one.stage, f"{one.requests:,}", f"{one.tokens:,}", dollars(one.usd))
    rows.add_section()
    requests, tokens, usd = sum(one.requests for one in spent), sum(one.tokens for one in spent), sum(one.usd for one in spent)
    rows.add_row("all", "", "", f"{requests:,}", f"{tokens:,}", dollars(usd))
    console.print(rows)
    if each:
        console.print(_of_each(each, days), highlight=False)
    for budget in budgets:
        console.print(_told(budget, f"{midnight_after(today):%Y-%m-%d %H:%M} UTC"), highlight=False)
    console.print(f"by the prices of {prices.date}; set DOCPIPE_PRICES for others", highlight=False)


def _of_each(cost: UnitCost, days: int) -> str:
    parts = ", ".join(f"{escape(provider)} {dollars(usd)}" for provider, usd in cost.usd.items())
    when = "today" if days == 1 else f"in {days:,} days"
    return f"{cost.indexed:,} documents indexed {when}: {dollars(cost.total)} US dollars a thousand{f' ({parts})' if parts else ''}"


def _told(budget: BudgetStanding, until: str) -> str:
    name, paid = f"[bold]{escape(budget.provider)}[/]", dollars(budget.committed_usd)
    if budget.limit_usd is None:
        return f"{name}: {paid} US dollars today, without a limit"
    state = "" if budget.is_asked else "; no stage asks a provider of this name: see DOCPIPE_BUDGETS"
    if budget.is_spent:
        state = f"; spent: documents wait until {until}, or until DOCPIPE_BUDGETS is raised"
    return f"{name}: {paid} of {dollars(budget.limit_usd)} US dollars today{state}"


def _show_document(pipeline: Pipeline, name: str, as_json: bool) -> None:
    found = pipeline.ledger.find(name)
    if found is None:
        raise DocumentUnknown(f"no document {name!r}: `docpipe status` lists those there are")
    states = pipeline.ledger.stage_states([found.key])
    known = [state for stage in StageName if (state := states.get((found.key, stage)))]
    total = sum(state.cost_usd or 0.0 for state in known)
    if as_json:
        names = ("stage", "generation", "status", "seconds", "cpu_seconds", "gpu_seconds", "cost_usd")
        stages = [{one: getattr(state, one) for one in names} | {"counts": _taken(state)} for state in known]
        print_json({"document": found.object_key, "key": found.key, "usd": total, "stages": stages})
        return
    right = ("seconds", "CPU-seconds", "GPU-seconds", "tokens", "US dollars")
    rows = table("stage", "state", *right, right=right)
    for state in known:
        times = (f"{value:,.2f}" if value else "" for value in (state.seconds, state.cpu_seconds, state.gpu_seconds))
        tokens = sum(number for taken, number in _taken(state).items() if taken.endswith("_tokens"))
        paid = "" if state.cost_usd is None else dollars(state.cost_usd)
        rows.add_row(state.stage, state.status, *times, f"{tokens:,}" if tokens else "", paid)
    console.print(f"[bold cyan]{escape(found.object_key)}[/], generation {found.generation}: {dollars(total)} US dollars", highlight=False)
    console.print(rows)


def _taken(state: StageState) -> dict[str, int]:
    """What making the artifact took, of what the ledger counts."""
    return {name: number for name, number in state.counts.items() if name in WORK_COUNTS}
