"""What happened to a document, from its arrival on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer
from rich.markup import escape

from docpipe.cli.output import Json, console, open_pipeline, print_json, table
from docpipe.ledger import Ledger
from docpipe.ledger.audit import AuditEntry
from docpipe.quarantine.choice import known

_PAGE = 1_000


def audit(document: Annotated[str, typer.Argument(help="Its name in the bucket or its partition key.")], as_json: Json = False) -> None:
    """Show every change of a document, of a deleted one too: when, by whom, in which run and batch, and why; newest last."""
    ledger = open_pipeline().ledger
    found = known(ledger, document)
    entries = list(_entries(ledger, found.key))
    if as_json:
        print_json(entries)
        return
    console.print(f"[bold cyan]{escape(found.object_key)}[/]  {found.status}, generation {found.generation}", highlight=False)
    shown = table("at (UTC)", "event", "gen.", "stage", "tries", "in", "by", "why", right=("gen.", "tries"))
    for entry in entries:
        shown.add_row(
            f"{entry.at:%Y-%m-%d %H:%M:%S}",
            entry.event,
            str(entry.generation),
            entry.stage or "",
            str(entry.attempt or ""),
            _place(entry),
            escape(entry.actor),
            escape(": ".join(filter(None, (entry.error_kind, entry.error)))),
        )
    console.print(shown)


def _entries(ledger: Ledger, key: str) -> Iterator[AuditEntry]:
    after = 0
    while page := ledger.audit_trail(key, after=after, limit=_PAGE):
        yield from page
        after = page[-1].number


def _place(entry: AuditEntry) -> str:
    """The run, or the batch where there is no run yet, short as the UI shows them; --json has both in full."""
    if entry.run_id:
        return f"run {entry.run_id[:8]}"
    return f"batch {entry.batch_id[:8]}" if entry.batch_id else ""
