"""Ask the index."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.padding import Padding

from docpipe.attachment_key import SEPARATOR
from docpipe.cli.hit_pages import save_hit_pages
from docpipe.cli.output import Json, console, open_pipeline, print_json
from docpipe.search import Hit, excerpt, search


def query(
    text: Annotated[str, typer.Argument(help="A question, or words to look for.")],
    limit: Annotated[int, typer.Option(min=1, max=100, help="How many passages.")] = 5,
    pictures: Annotated[Path | None, typer.Option(file_okay=False, help="Folder for each passage's page as a picture, marked.")] = None,
    as_json: Json = False,
) -> None:
    """Find the passages nearest to a text, each with its document and page."""
    pipeline = open_pipeline()
    hits = search(pipeline.settings, text, limit=limit)
    saved = list(save_hit_pages(pipeline, hits, pictures)) if pictures else []
    if as_json:
        print_json(hits)
    elif not hits:
        console.print("nothing found: [bold]docpipe status[/] says what is indexed")
    for number, hit in enumerate(() if as_json else hits, 1):
        print_hit(number, hit, text)
        if saved:
            shown = saved[number - 1]
            what = escape(str(shown)) if isinstance(shown, Path) else f"[dim]no picture: {escape(shown)}[/]"
            console.print(Padding(what, (0, 0, 1, 3)), highlight=False)
    if not hits:
        raise typer.Exit(1)


def print_hit(number: int, hit: Hit, query: str) -> None:
    """Show the part of a passage that answers, with where it stands."""
    page = f", page {', '.join(map(str, hit.pages))}" if hit.pages else ""
    path = f"  [dim]{escape(' › '.join(hit.heading_path))}[/]" if hit.heading_path else ""
    # An attachment's own name is the last part of its object key.
    name = escape(hit.object_key.removeprefix(f"{hit.parent}{SEPARATOR}"))
    inside = f" in [cyan]{escape(hit.parent)}[/]" if hit.parent else ""
    console.print(f"[bold]{number}.[/] [bold cyan]{name}[/]{inside}{page}  [dim]score {hit.score:.3f}[/]{path}", highlight=False)
    console.print(Padding(escape(excerpt(hit.text, query)), (0, 0, 1, 3)), highlight=False)
