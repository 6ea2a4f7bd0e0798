"""Do again what is no longer what the present code, settings and models would make."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.markup import escape

from docpipe.cli.output import Json, console, counted, open_pipeline, print_json, table
from docpipe.cost.dollars import dollars
from docpipe.cost.plan_cost import PlanCost, plan_cost
from docpipe.pipeline import Pipeline
from docpipe.reprocess import Choice, Plan, choose, plan
from docpipe.switch import NewCollection, new_collection


def reprocess(
    documents: Annotated[
        list[str] | None, typer.Argument(help="Names in the bucket or partition keys; without any: all documents.")
    ] = None,
    only_plan: Annotated[bool, typer.Option("--plan", help="Say what would be done again and why; do nothing.")] = False,
    failed: Annotated[bool, typer.Option("--failed", help="Take documents that failed or were refused as well.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Queue named documents that are current too: each stage looks again, and finds what is there.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Queue the documents with stale stages; the sensor runs them, and only what is stale is done.

    Named ones that failed are queued too. Exits with 1 where one that is named cannot be done again.
    """
    if as_json and not (only_plan or yes):
        raise typer.BadParameter("--json asks no question: add --plan to look, or --yes to queue")
    if force and not documents:
        raise typer.BadParameter("--force needs the names of the documents")
    pipeline = open_pipeline()
    choice = choose(pipeline.ledger, documents, refused=failed) if documents else None
    made = plan(pipeline.ledger, pipeline.stages, pipeline.artifacts, choice.documents if choice else None)
    keys = made.keys + (made.failed if failed or choice else []) + (choice.current(made) if force and choice else [])
    _tell(pipeline, made, choice, keys, as_json)
    if keys and not only_plan:
        _queue(pipeline, keys, yes, as_json)
    if choice and choice.left_out:
        raise typer.Exit(1)


def _tell(pipeline: Pipeline, made: Plan, choice: Choice | None, keys: list[str], as_json: bool) -> None:
    beside, cost = new_collection(pipeline, made), plan_cost(pipeline, made)
    if as_json:
        counts = {"documents": len(made.keys), "failed": len(made.failed), "quarantined": made.quarantined, "waiting": made.waiting}
        named = {"left_out": choice.left_out if choice else {}, "to_queue": len(keys)}
        print_json({"stages": made.stages, **counts, **named, "collection": beside, "cost": _priced(cost)})
        return
    _show(made, cost)
    if choice:
        _show_named(made, choice, keys)
    else:
        _show_set_apart(made)
    if made.waiting:
        console.print(f"{made.waiting} documents are on their way already")
    _show_cost(cost)
    _show_collection(beside)


def _queue(pipeline: Pipeline, keys: list[str], yes: bool, as_json: bool) -> None:
    if not yes and not typer.confirm(f"Queue {len(keys)} documents?"):
        raise typer.Exit(1)
    queued = pipeline.ledger.requeue(keys)
    if not as_json:
        console.print(f"{len(queued)} documents queued; the sensor requests their runs at its next tick")


def _show(made: Plan, cost: PlanCost) -> None:
    right = ("stays", "done again", "found again", "minutes", "US dollars")
    shown = table("stage", "stays", "done again", "found again", "that hold now", "minutes", "US dollars", "why", right=right)
    costs = {one.stage: one for one in cost.stages}
    for name, stage in made.stages.items():
        holds = counted(stage.counts)
        why = escape("\n".join(f"{reason} ({count:,})" for reason, count in stage.reasons.most_common(5)))
        minutes, usd = f"{costs[name].minutes:,.1f}", dollars(costs[name].provider_usd + costs[name].local_usd)
        shown.add_row(name, f"{stage.current:,}", f"{stage.stale - stage.found:,}", f"{stage.found:,}", holds, minutes, usd, escape(why))
    console.print(shown)
    if not made.keys:
        console.print("nothing is stale")


def _show_set_apart(made: Plan) -> None:
    if made.failed:
        console.print(f"{len(made.failed)} documents failed or were refused: --failed tries them again")
    if made.quarantined:
        console.print(f"{made.quarantined} documents are in quarantine: [bold]docpipe quarantine release[/] tries them again")


def _show_named(made: Plan, choice: Choice, keys: list[str]) -> None:
    if made.failed:
        console.print(f"{len(made.failed)} documents failed or were refused: they are tried again")
    if stay := len(set(choice.current(made)) - set(keys)):
        console.print(f"{stay} documents are current: --force queues them all the same")
    for name, why in choice.left_out.items():
        console.print(f"[yellow]{escape(f'{name} {why}')}[/]", highlight=False)


def _show_cost(cost: PlanCost) -> None:
    if not cost.minutes and not cost.usd:
        return
    console.print(
        f"about {cost.minutes:,.1f} minutes of work on this machine, by what the same documents took last time, "
        f"and at most {dollars(cost.usd)} US dollars",
        highlight=False,
    )
    for budget in cost.short:
        left = f"{dollars(budget.left or 0.0)} of {dollars(budget.limit_usd or 0.0)} US dollars"
        console.print(
            f"more than is left today of the budget of {escape(budget.provider)} ({left}): the rest waits for the next days",
            highlight=False,
        )


def _priced(cost: PlanCost) -> dict[str, Any]:
    return {"usd": cost.usd, "minutes": cost.minutes, "fits": not cost.short, "stages": cost.stages}


def _show_collection(beside: NewCollection | None) -> None:
    if beside is None:
        return
    price = f", about ${beside.dollars:,.2f} for {beside.tokens:,} tokens" if beside.dollars else ""
    console.print(
        f"the points go to [bold]{beside.collection}[/] ({escape(beside.model)}, {beside.dimension} dimensions), beside {beside.searched}: "
        f"about {beside.megabytes:,.0f} MB of vectors more{price}",
        highlight=False,
    )
    console.print(
        f"searches stay with {beside.searched} until the new one is complete and no worse; it stays for "
        "[bold]docpipe index rollback[/] until [bold]docpipe index release[/]"
    )
