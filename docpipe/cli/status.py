"""Where the documents stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from itertools import product
from typing import Annotated

import typer
from rich.markup import escape

from docpipe.attachment_key import parent_object_key
from docpipe.cli.batches import waiting
from docpipe.cli.output import Json, console, counted, open_pipeline, print_json, table
from docpipe.index.receipts import ReceiptCollections
from docpipe.ledger import Ledger
from docpipe.models import Document, DocumentStatus, StageName, StageStatus


def status(
    document: Annotated[str | None, typer.Argument(help="A document: its name in the bucket or its partition key.")] = None,
    only: Annotated[DocumentStatus | None, typer.Option("--only", help="List the documents that stand so.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Longest list.")] = 100,
    as_json: Json = False,
) -> None:
    """Show all documents by status, the documents of one status, or the stages of one document."""
    ledger = open_pipeline().ledger
    if document:
        _one(ledger, document, as_json)
    elif only:
        _listed(ledger, only, limit, as_json)
    else:
        _summary(ledger, as_json)


def _one(ledger: Ledger, name: str, as_json: bool) -> None:
    document = ledger.find(name)
    if document is None:
        raise typer.BadParameter(f"no document {name!r}; `docpipe status --only indexed` lists those there are")
    states = ledger.stage_states([document.key])
    stages = [state for stage in StageName if (state := states.get((document.key, stage)))]
    attachments = ledger.attachments([document.key]).get(document.key, [])
    if as_json:
        print_json({"document": document, "stages": stages, "attachments": attachments})
    else:
        facts = f"generation {document.generation}, {document.media_type or 'unknown type'}, {document.size:,} bytes"
        console.print(f"[bold cyan]{escape(document.object_key)}[/]  {document.status}, {facts}", highlight=False)
        if document.error:
            console.print(f"[red]{escape(document.error)}[/]", highlight=False)
        if document.parent:
            console.print(f"an attachment of [cyan]{escape(parent_object_key(document.object_key))}[/]", highlight=False)
        shown = table("stage", "status", "holds", "seconds", "tries", "run", right=("seconds", "tries"))
        for state in stages:
            holds = counted(state.counts) or escape(state.error or "")
            old = "" if state.generation == document.generation else f" (generation {state.generation})"
            shown.add_row(
                state.stage,
                state.status + old,
                holds,
                f"{state.seconds or 0:.2f}",
                str(state.attempts),
                (state.run_id or "")[:8],
            )
        console.print(shown)
        if attachments:
            _attachments(attachments)
    if document.status in (DocumentStatus.FAILED, DocumentStatus.REFUSED, DocumentStatus.QUARANTINED):
        raise typer.Exit(1)


def _attachments(attachments: Sequence[Document]) -> None:
    shown = table("attachment", "type", "bytes", "status", "error", right=("bytes",))
    for one in attachments:
        shown.add_row(escape(one.object_key), one.media_type, f"{one.size:,}", one.status, escape(one.error or ""))
    console.print(shown)


def _listed(ledger: Ledger, only: DocumentStatus, limit: int, as_json: bool) -> None:
    documents = ledger.list_documents(status=only, limit=limit)
    if as_json:
        print_json(documents)
        return
    shown = table("document", "type", "bytes", "generation", "error", right=("bytes", "generation"))
    for document in documents:
        shown.add_row(
            escape(document.object_key), document.media_type, f"{document.size:,}", str(document.generation), escape(document.error or "")
        )
    console.print(shown)
    if len(documents) == limit:
        console.print(f"[dim]the first {limit}; --limit shows more[/]")


def _summary(ledger: Ledger, as_json: bool) -> None:
    summary = ledger.summary()
    written = ReceiptCollections(ledger).written()
    if as_json:
        stages = [{"stage": stage, "status": status, **asdict(total)} for (stage, status), total in summary.stages.items()]
        print_json({"documents": summary.documents, "stages": stages, "collections": written})
        return
    if not summary.documents:
        console.print("no document yet: [bold]docpipe add FILE…[/] puts some into the bucket, [bold]docpipe up[/] processes them")
        return
    documents = table("documents", "count", right=("count",))
    for name, count in summary.documents.items():
        documents.add_row(name, f"{count:,}")
    stages_table = table("stage", "status", "documents", "seconds", right=("documents", "seconds"))
    for stage, status_name in product(StageName, StageStatus):
        if total := summary.stages.get((stage, status_name)):
            stages_table.add_row(stage, status_name, f"{total.documents:,}", f"{total.seconds:,.1f}")
    console.print(documents)
    line = ledger.line()
    if line.resting or line.held:
        console.print(waiting(line))
    console.print(stages_table)
    if len(written) > 1:
        shares = ", ".join(f"{number:,} in {collection or 'an unknown collection'}" for collection, number in written.most_common())
        console.print(f"documents were last indexed {shares}: [bold]docpipe index[/] says which is searched")
