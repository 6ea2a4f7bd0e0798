"""Ask the index."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.padding import Padding
from rich.text import Text

from docpipe.attachment_key import SEPARATOR
from docpipe.cli.dates import moment
from docpipe.cli.hit_pages import save_hit_pages
from docpipe.cli.output import Json, console, open_pipeline, print_json, table
from docpipe.ledger import Ledger
from docpipe.search import Around, Hit, excerpt, search
from docpipe.search.context import MOST_NEIGHBOURS

SECTION = "section"
_NAMED_DUPLICATES = 3


def query(
    text: Annotated[str, typer.Argument(help="A question, or words to look for.")],
    limit: Annotated[int, typer.Option(min=1, max=100, help="How many passages.")] = 5,
    document: Annotated[
        list[str] | None, typer.Option(help="Only in this document: its name in the bucket or its partition key; may be given again.")
    ] = None,
    document_class: Annotated[
        list[str] | None, typer.Option("--class", help="Only in documents of this class; may be given again.")
    ] = None,
    language: Annotated[list[str] | None, typer.Option(help="Only passages in this language, such as en; may be given again.")] = None,
    tag: Annotated[
        list[str] | None, typer.Option(help="Only in this folder of the bucket, such as reports/2024; may be given again.")
    ] = None,
    since: Annotated[datetime | None, typer.Option(parser=moment, metavar="DATE", help="Only what was modified then or later.")] = None,
    before: Annotated[datetime | None, typer.Option(parser=moment, metavar="DATE", help="Only what was modified earlier.")] = None,
    context: Annotated[
        str | None, typer.Option(metavar="N|section", help="Show N chunks on each side of a passage, or its section.")
    ] = None,
    duplicates: Annotated[bool, typer.Option("--duplicates", help="Also show passages that say the same as a better one.")] = False,
    rerank: Annotated[
        bool | None, typer.Option("--rerank/--no-rerank", help="Order by the cross-encoder; by default where there is one.")
    ] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Show what each search thought of each passage.")] = False,
    pictures: Annotated[Path | None, typer.Option(file_okay=False, help="Folder for each passage's page as a picture, marked.")] = None,
    as_json: Json = False,
) -> None:
    """Find the passages nearest to a text, each with its document and page."""
    pipeline = open_pipeline()
    around = _around(context)
    hits = search(
        pipeline.settings,
        text,
        limit,
        keys=_keys(pipeline.ledger, document) if document else (),
        document_classes=document_class or (),
        languages=[one.lower() for one in language or ()],
        tags=[one.strip("/") for one in tag or ()],
        since=since,
        before=before,
        around=around,
        duplicates=duplicates,
        rerank=rerank,
    )
    saved = list(save_hit_pages(pipeline, hits, pictures)) if pictures else []
    if as_json:
        print_json(hits)
    elif not hits:
        restricted = any((document, document_class, language, tag, since, before))
        also = ", and without the restrictions there may be more" if restricted else ""
        console.print(f"nothing found: [bold]docpipe status[/] says what is indexed{also}")
    elif hits[0].query_cut:
        console.print("[yellow]the query is longer than the model reads: only its beginning was looked for[/]")
    for number, hit in enumerate(() if as_json else hits, 1):
        print_hit(number, hit, text)
        if saved:
            shown = saved[number - 1]
            what = escape(str(shown)) if isinstance(shown, Path) else f"[dim]no picture: {escape(shown)}[/]"
            console.print(Padding(what, (0, 0, 1, 3)), highlight=False)
    if explain and hits and not as_json:
        print_scores(hits)
    if not hits:
        raise typer.Exit(1)


def print_hit(number: int, hit: Hit, query: str) -> None:
    """Show the part of a passage that answers, with where it stands."""
    path = f"  [dim]{escape(' › '.join(hit.heading_path))}[/]" if hit.heading_path else ""
    inside = f" in [cyan]{escape(hit.parent)}[/]" if hit.parent else ""
    where = f"[bold cyan]{escape(_own_name(hit))}[/]{inside}{named_pages(hit.pages)}"
    score = f"score {hit.score:.3f}" if hit.rerank is None else f"score {hit.score:.3f}, reranked {hit.rerank:.2f}"
    console.print(f"[bold]{number}.[/] {where}  [dim]{score}[/]{path}", highlight=False)
    if hit.context:
        shown = Text(hit.context.text)
        shown.stylize("dim", 0, hit.context.start)
        shown.stylize("dim", hit.context.end)
        shown.append(" …" if hit.context.cut else "", "dim")
        console.print(Padding(shown, (0, 0, 1, 3)))
    else:
        console.print(Padding(escape(excerpt(hit.text, query)), (0, 0, 1, 3)), highlight=False)
    if hit.duplicates:
        named = "; ".join(f"{one.object_key}{named_pages(one.pages)}" for one in hit.duplicates[:_NAMED_DUPLICATES])
        more = f" and {len(hit.duplicates) - _NAMED_DUPLICATES:,} more" if len(hit.duplicates) > _NAMED_DUPLICATES else ""
        console.print(Padding(f"[dim]the same in {escape(named)}{more}[/]", (0, 0, 1, 3)), highlight=False)


def print_scores(hits: Sequence[Hit]) -> None:
    """Show how each passage came to its place."""
    numbers = ("", "fused", "by meaning", "cosine", "by terms", "BM25", "reranked")
    shown = table("", "document", *numbers[1:], right=numbers)
    for number, hit in enumerate(hits, 1):
        parts = [shown for part in (hit.dense, hit.sparse) for shown in ((f"{part.rank}.", f"{part.score:.3f}") if part else ("", ""))]
        reranked = "" if hit.rerank is None else f"{hit.rerank:.3f}" + (" (read in part)" if hit.rerank_cut else "")
        shown.add_row(f"{number}.", escape(f"{_own_name(hit)}{named_pages(hit.pages)}"), f"{hit.score:.4f}", *parts, reranked)
    console.print(shown)


def _around(context: str | None) -> Around | None:
    if context is None:
        return None
    if context == SECTION:
        return Around(section=True)
    if not (context.isascii() and context.isdigit() and len(context) < 4 and int(context) <= MOST_NEIGHBOURS):
        raise typer.BadParameter(f"--context {context!r}: give a number from 0 to {MOST_NEIGHBOURS}, or {SECTION}")
    return Around(neighbours=int(context))


def _keys(ledger: Ledger, names: Sequence[str]) -> list[str]:
    found = {name: ledger.find(name) for name in names}
    unknown = [repr(name) for name, document in found.items() if document is None]
    if unknown:
        raise typer.BadParameter(f"no document {', '.join(unknown)}; `docpipe status --only indexed` lists those there are")
    return [document.key for document in found.values() if document]


def _own_name(hit: Hit) -> str:
    # An attachment's own name is the last part of its object key.
    return hit.object_key.removeprefix(f"{hit.parent}{SEPARATOR}")


def named_pages(pages: Sequence[int]) -> str:
    """Where a passage stands: `, pages 1-14, 20`; nothing for a format without pages."""
    if not pages:
        return ""
    # Of numbers that follow each other, number and place grow together.
    runs = [[page for _, page in run] for _, run in groupby(enumerate(sorted(pages)), key=lambda one: one[1] - one[0])]
    named = ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs)
    return f", page {named}" if len(pages) == 1 else f", pages {named}"
