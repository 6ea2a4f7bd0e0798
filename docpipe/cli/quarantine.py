"""Documents that failed for good: look at them, let them try again, or delete them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Annotated

import typer
from rich.markup import escape

from docpipe.cli.output import Json, console, open_pipeline, print_json, table
from docpipe.errors import QuarantineRefused
from docpipe.ledger import Ledger
from docpipe.ledger.quarantine import Confinement
from docpipe.models import DocumentStatus
from docpipe.quarantine.choice import all_held, chosen

quarantine = typer.Typer(help="Documents that failed for good: list, show, release, drop.", no_args_is_help=True)

Names = Annotated[list[str] | None, typer.Argument(help="Names in the bucket or partition keys.")]
Kind = Annotated[str | None, typer.Option("--kind", help="All that failed by this class of errors, such as ParseFailed.")]
Everything = Annotated[bool, typer.Option("--all", help="All that is in quarantine.")]
Steps = Iterable[tuple[str, Confinement | None]]


@quarantine.command("list")
def listed(kind: Kind = None, limit: Annotated[int, typer.Option(min=1, help="Longest list.")] = 100, as_json: Json = False) -> None:
    """List what is in quarantine, oldest first."""
    ledger = open_pipeline().ledger
    held = ledger.confined(limit=limit, kind=kind)
    if as_json:
        print_json(held)
        return
    shown = table("document", "since (UTC)", "stage", "kind", "error", right=())
    for one in held:
        shown.add_row(escape(one.object_key), f"{one.at:%Y-%m-%d %H:%M}", one.stage or "", escape(one.error_kind), escape(one.error))
    if held:
        console.print(shown)
    number = ledger.summary().documents.get(DocumentStatus.QUARANTINED, 0)
    console.print(f"{number:,} documents in quarantine" + (f"; the first {limit} shown, --limit shows more" if len(held) == limit else ""))


@quarantine.command()
def show(document: Annotated[str, typer.Argument(help="Its name in the bucket or its partition key.")], as_json: Json = False) -> None:
    """Show why a document was quarantined: error, traceback, and where its object and its last artifact lie."""
    pipeline = open_pipeline()
    ((name, found),) = chosen(pipeline.ledger, [document])
    if found is None:
        raise QuarantineRefused(f"{name} is not in quarantine: `docpipe status` shows where it stands, `docpipe audit` what happened to it")
    files = pipeline.evidence.files(found.key, found.generation)
    if as_json:
        print_json({"quarantined": found, "files": files})
        return
    console.print(f"[bold cyan]{escape(found.object_key)}[/]  {found.state}, generation {found.generation}", highlight=False)
    where = f" in {found.stage}" if found.stage else ""
    console.print(f"[red]{escape(found.error_kind)}[/]{where}: {escape(found.error)}", highlight=False)
    console.print(f"since {found.at:%Y-%m-%d %H:%M} UTC" + (f", run {found.run_id}" if found.run_id else ""), highlight=False)
    if found.held_as and found.ended is None:
        console.print(f"object: {escape(found.held_as)} in the bucket", highlight=False, soft_wrap=True)
    for file in files:
        console.print(f"kept: {file} beside the artifacts", highlight=False, soft_wrap=True)
    if found.traceback:
        console.print(escape(found.traceback), highlight=False, soft_wrap=True)


@quarantine.command()
def release(documents: Names = None, every: Everything = False, kind: Kind = None, as_json: Json = False) -> None:
    """Put documents back into the bucket as new generations; exits with 1 where one was refused."""
    pipeline = open_pipeline()
    _step(_meant(pipeline.ledger, documents, every, kind), pipeline.quarantine.release, "released", as_json)


@quarantine.command()
def drop(
    documents: Names = None,
    every: Everything = False,
    kind: Kind = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Delete documents in quarantine, object and all; exits with 1 where one was refused."""
    pipeline = open_pipeline()
    meant = _meant(pipeline.ledger, documents, every, kind)
    first = next(meant, None)
    what = f"{len(documents)} documents" if documents else f"all that failed by {kind}" if kind else "all that is in quarantine"
    if first and not yes and (as_json or not typer.confirm(f"Delete {what} for good?")):
        raise typer.BadParameter("--json asks no question: add --yes") if as_json else typer.Exit(1)
    _step(chain([first] if first else [], meant), pipeline.quarantine.drop, "dropped", as_json)


def _meant(ledger: Ledger, documents: list[str] | None, every: bool, kind: str | None) -> Iterator[tuple[str, Confinement | None]]:
    if bool(documents) == (every or kind is not None):
        raise typer.BadParameter("name documents, or give --all or --kind")
    return chosen(ledger, documents) if documents else all_held(ledger, kind)


def _step(meant: Steps, step: Callable[[Confinement], Confinement], done: str, as_json: bool) -> None:
    """Take the step with each; what one of them is refused for keeps none of the others."""
    outcomes: list[dict[str, str | bool]] = []
    taken = refused = 0
    for name, confinement in meant:
        one = _outcome(name, confinement, step)
        taken, refused = taken + bool(one["done"]), refused + (not one["done"])
        if as_json:
            outcomes.append(one)
        elif not one["done"]:
            console.print(f"[yellow]{escape(str(one['why']))}[/]", highlight=False)
    if as_json:
        print_json(outcomes)
    else:
        console.print(f"{taken:,} documents {done}{'; the sensor takes them at its next tick' if taken else ''}")
    if refused:
        raise typer.Exit(1)


def _outcome(name: str, confinement: Confinement | None, step: Callable[[Confinement], Confinement]) -> dict[str, str | bool]:
    if confinement is None:
        why = f"{name} is not in quarantine: `docpipe status` shows where it stands"
        return {"document": name, "object": name, "done": False, "why": why}
    try:
        step(confinement)
    except QuarantineRefused as error:
        return {"document": confinement.key, "object": confinement.object_key, "done": False, "why": str(error)}
    return {"document": confinement.key, "object": confinement.object_key, "done": True, "why": ""}
