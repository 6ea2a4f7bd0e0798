"""Do bucket, ledger, artifacts and index agree?"""

from __future__ import annotations

from dataclasses import fields
from typing import Annotated

import typer
from rich.markup import escape

from docpipe.cli.output import Json, console, open_pipeline, print_json, table
from docpipe.consistency import check as compare
from docpipe.repair import repair


def check(
    mend: Annotated[bool, typer.Option("--repair", help="Queue again or remove what the sensor would not mend by itself.")] = False,
    as_json: Json = False,
) -> None:
    """Compare bucket, ledger, artifacts and index; names every difference and exits with 1 where there is one."""
    pipeline = open_pipeline()
    found = compare(pipeline)
    mended = repair(pipeline, found) if mend else []
    if as_json:
        # By name, not by asdict, which on Python 3.11 makes nonsense of a Counter.
        verdict_fields = {field.name: getattr(found, field.name) for field in fields(found)}
        print_json({"agrees": found.agrees, **verdict_fields, "repaired": mended})
    else:
        if found.inconsistencies:
            shown = table("difference", "name", "detail")
            for one in found.inconsistencies:
                shown.add_row(one.kind, escape(one.name), escape(one.detail))
            console.print(shown)
        documents = ", ".join(f"{number:,} {status}" for status, number in found.documents.items()) or "no documents"
        verdict = "[green]all agree[/]" if found.agrees else f"[red]{len(found.inconsistencies)} differences[/]"
        console.print(f"{found.objects:,} objects; {documents}; {found.points:,} points: {verdict}")
        for collection, number in found.newer.items():
            console.print(f"{number:,} documents are newer in {collection}, which is not searched: [bold]docpipe index[/] says why")
        if mended:
            console.print(f"{len(mended)} documents queued again or removed from the index")
    if not found.agrees:
        raise typer.Exit(1)
