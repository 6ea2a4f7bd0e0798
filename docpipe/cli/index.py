"""The collections of the index: which is searched, and sending searches elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.markup import escape

from docpipe.cli.output import Json, console, open_pipeline, print_json, table
from docpipe.errors import ModelMissing
from docpipe.index import Listed
from docpipe.index.receipts import ReceiptCollections
from docpipe.ledger import Switch
from docpipe.pipeline import Pipeline
from docpipe.switch import Outcome, Standing, Verdict, look
from docpipe.switch import activate as send_searches
from docpipe.switch import release as let_go
from docpipe.switch import rollback as send_back
from docpipe.switch.standing import variables

Name = Annotated[str, typer.Argument(help="Of a collection, as `docpipe index` shows it.")]

index = typer.Typer(help="Show the collections of the index; send searches to another one.", add_completion=False)


@index.callback(invoke_without_command=True)
def collections(context: typer.Context, as_json: Json = False) -> None:
    """Show the collections: a model's each, one of them searched, one of them written."""
    if context.invoked_subcommand is not None:
        return
    pipeline = open_pipeline()
    standing = look(pipeline)
    written = ReceiptCollections(pipeline.ledger).counted(pipeline.ledger.indexed_by_recipe())
    rows = [_row(standing, one, written) for one in standing.listed]
    if as_json:
        written_to = standing.own.name if standing.own else None
        print_json({"alias": pipeline.settings.collection, "collections": rows, "written": written_to, "problem": standing.problem})
        return
    if not rows:
        console.print("no collection yet: the first document that is indexed makes one; [bold]docpipe status[/] says how far they are")
    else:
        _print_rows(rows)
    own = standing.own
    if own and not standing.find(own.name) and rows:
        console.print(f"runs write to {own.name} ({escape(own.model)}), not there yet: [bold]docpipe reprocess[/] builds it")
    if standing.problem:
        console.print(f"[yellow]runs cannot write: {escape(standing.problem)}[/]", highlight=False)


@index.command()
def activate(
    name: Name,
    force: Annotated[bool, typer.Option("--force", help="Whatever it holds and however much it finds.")] = False,
    as_json: Json = False,
) -> None:
    """Send searches to a collection if it is complete and no worse than the searched one; exits with 1 where it is not."""
    pipeline = open_pipeline()
    outcome = send_searches(pipeline, name, force=force)
    _tell(pipeline, outcome, as_json)
    if outcome.verdict is Verdict.REFUSED:
        if not as_json:
            console.print("searches stay where they are; [bold]--force[/] sends them all the same")
        raise typer.Exit(1)


@index.command()
def rollback(as_json: Json = False) -> None:
    """Send searches back to the collection before; a second time, forward again."""
    pipeline = open_pipeline()
    _tell(pipeline, send_back(pipeline), as_json)


@index.command()
def release(name: Name, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False, as_json: Json = False) -> None:
    """Delete a collection that is neither searched nor written; rolling back to it is then no longer possible."""
    if as_json and not yes:
        raise typer.BadParameter("--json asks no question: add --yes to release")
    pipeline = open_pipeline()
    found = look(pipeline).find(name)
    held = f"with {found.points:,} points" if found else "which cannot be read"
    if not yes and not typer.confirm(f"Delete {name}, {held}?"):
        raise typer.Exit(1)
    receipts = let_go(pipeline, name)
    if as_json:
        print_json({"released": name, "points": found.points if found else None, "receipts": receipts})
    else:
        console.print(f"{name} is deleted, {held}", markup=False)


def _tell(pipeline: Pipeline, outcome: Outcome, as_json: bool) -> None:
    wanted = _settings(pipeline, outcome)
    if as_json:
        print_json({**_plain(outcome), "settings": wanted})
        return
    colour = {Verdict.SWITCHED: "green", Verdict.REFUSED: "red"}.get(outcome.verdict, "white")
    console.print(f"[{colour}]{outcome.verdict}[/]: {escape(outcome.reason)}", highlight=False)
    if outcome.verdict is Verdict.SWITCHED:
        console.print(f"searches go to {outcome.collection}" + (f", no longer to {outcome.previous}" if outcome.previous else ""))
    if wanted:
        said = " and ".join(f"{name}={value}" if value else f"no {name}" for name, value in wanted.items())
        console.print(
            f"runs still write to another collection: set {escape(said)}, and [bold]docpipe reprocess[/] brings what changed meanwhile",
            highlight=False,
        )


def _settings(pipeline: Pipeline, outcome: Outcome) -> Mapping[str, str]:
    """What has to be set so that later runs write to where searches go now."""
    searched = look(pipeline).searched
    if outcome.verdict is not Verdict.SWITCHED or searched is None:
        return {}
    try:
        return variables(searched.collection, pipeline.settings)
    except ModelMissing:
        return {"DOCPIPE_EMBEDDER": searched.collection.embedder}


def _plain(outcome: Outcome) -> dict[str, Any]:
    return {
        "verdict": outcome.verdict,
        "reason": outcome.reason,
        "collection": outcome.collection,
        "previous": outcome.previous,
        "quality": outcome.quality,
    }


def _row(standing: Standing, one: Listed, written: Mapping[str, int]) -> dict[str, Any]:
    collection = one.collection
    decided = standing.decided(collection.name)
    since = next((made for made in standing.decisions if made.accepted), None) if one.active else None
    return {
        "collection": collection.name,
        "model": collection.model,
        "embedder": collection.embedder,
        "dimension": collection.dimension,
        "quantization": collection.quantization,
        "points": one.points,
        "searched": one.active,
        "since": since.at if since and since.collection == collection.name else None,
        "written": standing.is_own(collection.name),
        "documents": written.get(collection.name, 0),
        "ndcg": _ndcg(standing, collection.name),
        "decision": _decision(decided) if decided else None,
    }


def _ndcg(standing: Standing, name: str) -> float | None:
    """nDCG@10 as it was last measured, whether the collection was tried or another one was against it."""
    sides = (one.quality.get(side) or {} for one in standing.decisions for side in ("candidate", "searched"))
    return next((side["ndcg"] for side in sides if side.get("collection") == name and "ndcg" in side), None)


def _decision(decided: Switch) -> dict[str, Any]:
    return {"at": decided.at, "accepted": decided.accepted, "reason": decided.reason}


def _print_rows(rows: list[dict[str, Any]]) -> None:
    right = ("dimension", "points", "documents", "nDCG@10")
    shown = table("collection", "model", "dimension", "points", "documents", "nDCG@10", "state", right=right)
    for row in rows:
        states = ["[green]searched[/]"] if row["searched"] else []
        states += ["written"] if row["written"] else []
        shown.add_row(
            row["collection"],
            escape(row["model"] if row["quantization"] == "none" else f"{row['model']}, {row['quantization']}"),
            str(row["dimension"]),
            f"{row['points']:,}",
            f"{row['documents']:,}",
            "" if row["ndcg"] is None else f"{row['ndcg']:.3f}",
            ", ".join(states) or "kept",
        )
    console.print(shown)
    for row in rows:
        if decision := row["decision"]:
            verdict = "[green]searched[/]" if decision["accepted"] else "[red]not searched[/]"
            said = f"{decision['at']:%Y-%m-%d %H:%M} {row['collection']} {verdict}: {escape(decision['reason'])}"
            console.print(said, highlight=False, soft_wrap=True)
