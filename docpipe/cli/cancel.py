"""Stop a batch or a run, and let its documents go on."""

from __future__ import annotations

from typing import Annotated

import typer

from docpipe.cli.output import Json, console, open_pipeline, print_json


def cancel(
    name: Annotated[str | None, typer.Argument(help="A batch or a run: its id, or how that begins; `docpipe batches` lists them.")] = None,
    all_waiting: Annotated[bool, typer.Option("--all-waiting", help="Hold all that waits, and what has not begun.")] = False,
    as_json: Json = False,
) -> None:
    """Stop a batch between two documents; what it has done stays, the rest is held until `docpipe resume`."""
    if (name is None) is not all_waiting:
        raise typer.BadParameter("name one batch or run, or give --all-waiting")
    ledger = open_pipeline().ledger
    if name is None:
        held, stopped = ledger.hold_waiting()
        if as_json:
            print_json({"held": held, "cancelled": stopped})
        else:
            console.print(f"{held:,} documents held, {len(stopped):,} batches cancelled: [bold]docpipe resume --all[/] lets them go on")
        return
    cancelled = ledger.cancel(name)
    if cancelled is None:
        raise typer.BadParameter(f"no batch or run under way is {name!r}, or several begin so; `docpipe batches` lists them")
    if as_json:
        print_json({"cancelled": cancelled})
    else:
        console.print(
            f"{cancelled} stops after the documents in its hands; the rest is held: [bold]docpipe resume {cancelled[:8]}[/] lets it go on"
        )


def resume(
    name: Annotated[str | None, typer.Argument(help="The batch or run that was cancelled: its id, or how that begins.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Let all held documents go on.")] = False,
    as_json: Json = False,
) -> None:
    """Let held documents go on; they wait for a new batch, and what was done of them is not done again."""
    if (name is None) is not every:
        raise typer.BadParameter("name the batch or run that was cancelled, or give --all")
    resumed = open_pipeline().ledger.resume(name)
    if as_json:
        print_json({"resumed": resumed.documents, "batches": resumed.batches})
    elif resumed.documents:
        console.print(f"{len(resumed.documents):,} documents wait for a batch again; the sensor requests it at its next tick")
    elif not resumed.batches:
        console.print("no document is held there: [bold]docpipe batches[/] says how many are, and [bold]--all[/] resumes them")
    if resumed.batches and not as_json:
        console.print(f"{len(resumed.batches):,} batches had not stopped yet and go on: [bold]docpipe batches[/] says how far they are")
    if not resumed.documents and not resumed.batches:
        raise typer.Exit(1)
