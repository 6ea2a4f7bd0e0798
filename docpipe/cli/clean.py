"""Delete what nobody needs any more."""

from __future__ import annotations

from typing import Annotated

import typer

from docpipe.cli.output import Json, console, errors, open_pipeline, print_json, table
from docpipe.heartbeat import holding
from docpipe.retention.cleaning import LEASE, Cleaned
from docpipe.retention.cleaning import clean as sweep


def clean(
    plan: Annotated[bool, typer.Option("--plan", help="Say what would go, in bytes; delete nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Delete artifacts that no document needs, old evidence and old numbers; the job `clean_up` does so nightly, and deletes old runs."""
    pipeline = open_pipeline()
    if plan:
        _show(sweep(pipeline, plan=True), "would go", as_json)
        return
    with holding(pipeline.ledger, LEASE) as held:
        if not held:
            errors.print("somebody is cleaning already")
            raise typer.Exit(3)
        _show(sweep(pipeline), "deleted", as_json)


def _show(cleaned: Cleaned, what: str, as_json: bool) -> None:
    if as_json:
        print_json(cleaned.kinds)
        return
    shown = table(what, "number", "bytes", right=("number", "bytes"))
    for kind, swept in cleaned.kinds.items():
        if swept.objects:
            shown.add_row(kind, f"{swept.objects:,}", f"{swept.size:,}")
    console.print(shown if cleaned.told != "nothing" else f"nothing {what}")
