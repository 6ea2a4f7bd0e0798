"""Batches: what runs, what waits for a run, and what became of the last ones."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer

from docpipe.cli.output import Json, console, open_pipeline, print_json, table
from docpipe.ledger.holds import Line
from docpipe.models import DocumentStatus


def batches(
    limit: Annotated[int, typer.Option(min=1, help="Longest list.")] = 20,
    as_json: Json = False,
) -> None:
    """List the batches, open ones first, and count what waits for one."""
    ledger = open_pipeline().ledger
    found, line = ledger.batch_progress(limit), ledger.line()
    if as_json:
        rows = [{**asdict(one), "state": one.state, "unfinished": one.unfinished} for one in found]
        print_json({"waiting": line, "batches": rows})
        return
    right = ("age", "priority", "documents", "done", "failed", "unfinished")
    shown = table("batch", "state", "age", "priority", "documents", "done", "failed", "unfinished", "run", right=right)
    for one in found:
        failed = sum(one.statuses.get(status, 0) for status in (DocumentStatus.FAILED, DocumentStatus.QUARANTINED))
        shown.add_row(
            one.batch_id[:8],
            one.state,
            _age(one.created),
            str(one.priority),
            f"{one.documents:,}",
            f"{one.statuses.get(DocumentStatus.INDEXED, 0):,}",
            f"{failed:,}",
            f"{one.unfinished:,}",
            (one.run_id or "")[:8],
        )
    console.print(shown)
    console.print(waiting(line))


def waiting(line: Line) -> str:
    """The documents that wait, in a sentence."""
    parts = [f"{line.ready:,} documents wait for a batch"]
    if line.resting:
        parts.append(f"{line.resting:,} rest until a provider or a new day lets them go on")
    if line.held:
        parts.append(f"{line.held:,} are held until [bold]docpipe resume[/]")
    return ", ".join(parts)


def _age(since: datetime) -> str:
    seconds = max(0, round((datetime.now(UTC) - since).total_seconds()))
    minutes, hours = seconds // 60, seconds // 3_600
    return f"{seconds} s" if seconds < 120 else f"{minutes} min" if minutes < 120 else f"{hours} h" if hours < 48 else f"{hours // 24} d"
