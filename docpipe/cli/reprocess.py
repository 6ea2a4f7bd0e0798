"""Do again what is no longer what the present code, settings and models would make."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from docpipe.cli.output import Json, console, counted, open_pipeline, print_json, table
from docpipe.reprocess import Plan, plan


def reprocess(
    only_plan: Annotated[bool, typer.Option("--plan", help="Say what would be done again and why; do nothing.")] = False,
    failed: Annotated[bool, typer.Option("--failed", help="Take documents that failed or were refused as well.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Queue the documents with stale stages; the sensor runs them, and only what is stale is done."""
    if as_json and not (only_plan or yes):
        raise typer.BadParameter("--json asks no question: add --plan to look, or --yes to queue")
    pipeline = open_pipeline()
    made = plan(pipeline.ledger, pipeline.stages)
    if as_json:
        print_json({"stages": made.stages, "documents": len(made.keys), "failed": len(made.failed), "waiting": made.waiting})
    else:
        _show(made)
    keys = made.keys + (made.failed if failed else [])
    if only_plan or not keys:
        return
    if not yes and not typer.confirm(f"Queue {len(keys)} documents?"):
        raise typer.Exit(1)
    queued = pipeline.ledger.requeue(keys)
    if not as_json:
        console.print(f"{len(queued)} documents queued; the sensor requests their runs at its next tick")


def _show(made: Plan) -> None:
    shown = table("stage", "stays", "done again", "that hold now", "took", "why", right=("stays", "done again", "took"))
    for name, stage in made.stages.items():
        holds = counted(stage.counts)
        why = "\n".join(f"{reason} ({count:,})" for reason, count in stage.reasons.most_common(5))
        shown.add_row(name, f"{stage.current:,}", f"{stage.stale:,}", holds, f"{stage.seconds:,.1f} s", escape(why))
    console.print(shown)
    if not made.keys:
        console.print("nothing is stale")
    if made.failed:
        console.print(f"{len(made.failed)} documents failed or were refused: --failed tries them again")
    if made.waiting:
        console.print(f"{made.waiting} documents are on their way already")
