"""Put files into the bucket, and take them out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress

from docpipe.cli.output import Json, console, open_pipeline, print_json
from docpipe.errors import Superseded
from docpipe.partition_key import partition_key
from docpipe.reconcile import register_now
from docpipe.waiting_line import HIGHEST, LOWEST


def add(
    files: Annotated[list[Path], typer.Argument(exists=True, readable=True, help="Files, or folders to add with all they hold.")],
    prefix: Annotated[str, typer.Option(help="Folder in the bucket to put them under.")] = "",
    priority: Annotated[
        int | None, typer.Option(min=LOWEST, max=HIGHEST, help="Above 0: ahead of what waits; each step is worth ten minutes.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Copy files into the bucket, where the sensor finds them; a file of the same name is replaced."""
    pipeline = open_pipeline()
    bucket = pipeline.bucket
    folder = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
    sources: dict[str, Path] = {}
    for file in files:
        for path, name in _named(file):
            other = sources.setdefault(folder + name, path)
            if other is not path:
                raise typer.BadParameter(f"{other} and {path} would both become {folder + name!r}: add one under another --prefix")
    if not sources:
        raise typer.BadParameter("the folder holds no file")
    added, objects = [], []
    with Progress(console=console, transient=True, disable=as_json) as progress:
        for key, path in progress.track(sources.items(), description="adding"):
            info = bucket.write(key, path)
            objects.append(info)
            added.append({"object": info.key, "document": partition_key(info.key), "bytes": info.size})
    if priority is not None:
        register_now(bucket, pipeline.ledger, pipeline.settings, objects)
        # Also those that the ledger knows already: the sensor may have been quicker, or they wait since long.
        pipeline.ledger.prioritize([partition_key(info.key) for info in objects], priority)
    if as_json:
        print_json(added)
        return
    console.print(f"{len(added)} files added; the sensor takes them at its next tick: [bold]docpipe status[/] shows how far they are")


def remove(
    objects: Annotated[list[str], typer.Argument(help="Names in the bucket, as `docpipe status` shows them.")], as_json: Json = False
) -> None:
    """Delete objects from the bucket; the next sensor tick takes their documents out of the index."""
    bucket = open_pipeline().bucket
    try:
        for name in objects:
            bucket.stat(name)
    except Superseded:
        raise typer.BadParameter(f"the bucket has no object {name!r}; nothing was removed") from None
    for name in objects:
        bucket.delete(name)
    if as_json:
        print_json([{"object": name, "removed": True} for name in objects])
    else:
        console.print(f"{len(objects)} objects removed; the next sensor tick takes their documents out of the index")


def _named(path: Path) -> list[tuple[Path, str]]:
    """Files with the names they get in the bucket: a folder's files keep their place below it."""
    if path.is_dir():
        return [(file, file.relative_to(path).as_posix()) for file in sorted(path.rglob("*")) if file.is_file()]
    return [(path, path.name)]
