"""Show how a document was read, and what a page of it looks like."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from docpipe.cli.hit_pages import picture_name, save_picture
from docpipe.cli.output import Json, console, open_pipeline, print_json, table
from docpipe.errors import QueryInvalid
from docpipe.models import Document, Page, ParsedDocument, ParsedHead, StageName
from docpipe.page_routes import RouteTotal, route_totals
from docpipe.pipeline import Pipeline
from docpipe.render import Look
from docpipe.render.document_pictures import DocumentPictures
from docpipe.search import Hit, search

_BAR_WIDTH = 40
_HITS = 3
"""Marked on a page: more would colour most of it."""
_SHOWN_WARNINGS = 10
_COLOURS = {"text": "green", "layout": "cyan", "docling": "blue", "ocr": "yellow", "vision": "magenta", "plain": "green"}


def show(
    document: Annotated[str, typer.Argument(help="Its name in the bucket or its partition key.")],
    page: Annotated[int | None, typer.Option(min=1, help="Write a picture of this page.")] = None,
    query: Annotated[
        str | None, typer.Option(help="Mark the passages nearest to this text; without --page, on the best one's page.")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="Where the picture goes; by default into the working folder.")] = None,
    dpi: Annotated[int, typer.Option(min=18, max=600, help="Resolution of the picture.")] = 150,
    rows: Annotated[int, typer.Option(min=0, help="Longest list of pages.")] = 50,
    as_json: Json = False,
) -> None:
    """Show which reader took each page, why and at what cost; with --page or --query, write the page with its hits marked."""
    pipeline = open_pipeline()
    found = pipeline.ledger.find(document)
    if found is None:
        raise typer.BadParameter(f"no document {document!r}; `docpipe status --only indexed` lists those there are")
    hits = search(pipeline.settings, query, _HITS, keys=[found.key]) if query is not None else []
    number = page or next((hit.pages[0] for hit in hits if hit.pages), None) or (1 if output else None)
    if query is not None and number is None:
        raise QueryInvalid("no passage of this document says on which page it stands: name a page with --page")
    head = _head(pipeline, found)
    path = _save(pipeline, found, number, hits, output, dpi) if number else None
    if as_json:
        print_json({"document": found, "parsed": head, "hits": hits, "page": number, "picture": str(path) if path else None})
        return
    if number is None:
        _print_pages(found, head, rows)
        return
    shown = next((one for one in head.pages if one.number == number), None) if head else None
    console.print(f"[bold cyan]{escape(found.object_key)}[/], page {number}: {_told(shown)}", highlight=False)
    marked = sum(any(box.page == number for box in hit.boxes) for hit in hits)
    console.print(
        f"{escape(str(path))}" + (f"  ({marked} of {len(hits)} passages marked)" if hits else ""), highlight=False, soft_wrap=True
    )


def _head(pipeline: Pipeline, document: Document) -> ParsedHead | None:
    """How its pages were read; None where it is not parsed yet."""
    state = pipeline.ledger.stage_states([document.key]).get((document.key, StageName.PARSED_PAGES))
    if state is None or not state.is_complete_for(document):
        return None
    return ParsedDocument.head_of(pipeline.artifacts.load(StageName.PARSED_PAGES, document.key, state.fingerprint))


def _save(pipeline: Pipeline, document: Document, number: int, hits: Sequence[Hit], output: Path | None, dpi: int) -> Path:
    path = output or Path(picture_name(document.object_key, number))
    boxes = tuple(box for hit in hits for box in hit.boxes if box.page == number)
    with DocumentPictures(pipeline) as pictures:
        save_picture(path, pictures.page(document, number, Look(dpi=dpi, marked=boxes)))
    return path


def _print_pages(document: Document, head: ParsedHead | None, rows: int) -> None:
    console.print(f"[bold cyan]{escape(document.object_key)}[/]  {document.media_type or 'unknown type'}", highlight=False)
    if head is None:
        console.print("not parsed yet: [bold]docpipe status[/] says where it stands")
        return
    for total in route_totals(head.pages):
        console.print(_bar(total, len(head.pages)), highlight=False)
    shown = table("page", "route", "seconds", "confidence", "characters", "why", right=("page", "seconds", "confidence", "characters"))
    for page in head.pages[:rows]:
        sure = "" if page.confidence is None else f"{page.confidence:.2f}"
        colour = _COLOURS.get(page.route, "white")
        row = (f"{page.number}", f"[{colour}]{escape(page.route)}[/]", f"{page.seconds:.2f}", sure, f"{page.characters:,}", _why(page))
        shown.add_row(*row)
    console.print(shown)
    if len(head.pages) > rows:
        console.print(f"[dim]the first {rows} of {len(head.pages):,} pages; --rows shows more[/]")
    if head.figures:
        described = sum(bool(figure.description) for figure in head.figures)
        console.print(f"{len(head.figures):,} figures, {described:,} of them described")
    for warning in head.warnings[:_SHOWN_WARNINGS]:
        console.print(f"[yellow]{escape(warning)}[/]", highlight=False)
    if len(head.warnings) > _SHOWN_WARNINGS:
        console.print(f"[dim]and {len(head.warnings) - _SHOWN_WARNINGS:,} more warnings; --json has all[/]")


def _bar(total: RouteTotal, pages: int) -> str:
    width = max(1, round(_BAR_WIDTH * total.pages / pages))
    colour = _COLOURS.get(total.route, "white")
    noun = "page" if total.pages == 1 else "pages"
    return f"{total.route:>8} [{colour}]{'█' * width}[/]{'░' * (_BAR_WIDTH - width)} {total.pages:,} {noun}, {total.seconds:,.2f} s"


def _why(page: Page) -> str:
    lost = f"[red]{escape(page.error)}[/]" if page.error else ""
    unread = f"[yellow]{escape(page.unread)}[/]" if page.unread else ""
    return "\n".join(filter(None, (escape(page.reason), unread, lost)))


def _told(page: Page | None) -> str:
    if page is None:
        return "not among the pages that were parsed"
    reason = f" ({page.reason})" if page.reason else ""
    return escape(f"read by {page.route} in {page.seconds:.2f} s{reason}")
