"""Generations of a shard: shown in one step, never changed, removed when nobody reads them."""

from __future__ import annotations

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import chain
from pathlib import Path

import qdrant_edge as edge

from docpipe.errors import IndexUnavailable
from docpipe.index.edge.clone import own_files
from docpipe.index.edge.engine import engine, never_drop
from docpipe.index.edge.place import Place, Shown, sync, write_json
from docpipe.index.edge.shard import count_points
from docpipe.index.lock import alone, share

_ATTEMPTS = 100
"""A generation may be replaced while it is being opened, and the next one too; a hundred in a row would not be chance."""
_SYNCS_AT_ONCE = 4
"""The file system writes out together what is asked for together: 140 files and folders of a small shard took ext4 0.04 s
instead of 0.16 to 0.43; 16 at once took no less."""


class Generation:
    """A generation that is open; it stays where it is until `close`."""

    def __init__(self, shown: Shown, shard: edge.EdgeShard, descriptor: int) -> None:
        self.shown = shown
        self.shard = shard
        self._descriptor = descriptor

    def close(self) -> None:
        """Let the generation be removed once it is no longer shown."""
        with suppress(Exception):
            self.shard.close()
        os.close(self._descriptor)

    def forget(self) -> None:
        """Let go of one that came with a fork: a child does not keep its parent's generation from being removed."""
        never_drop(self.shard)
        os.close(self._descriptor)


def open_generation(place: Place) -> Generation | None:
    """Open what is shown now; None where nothing was ever shown. Raises `IndexUnavailable` for a shard that cannot be read."""
    for _ in range(_ATTEMPTS):
        shown = place.shown()
        if shown is None:
            return None
        try:
            descriptor = share(place.readers(shown.number))
        except FileNotFoundError as error:
            if place.shown() == shown:
                raise _lost(place, shown) from error
            continue
        if descriptor is None:
            continue
        try:
            # Whoever removes generations looks at what is shown first: the one that is shown now, with our lock on it, stays.
            if place.shown() == shown:
                if not place.generation(shown.number).is_dir():
                    raise _lost(place, shown)
                with engine(place.folder):
                    generation = Generation(shown, edge.EdgeShard.load(str(place.generation(shown.number))), descriptor)
                descriptor = None
                return generation
        finally:
            if descriptor is not None:
                os.close(descriptor)
    raise IndexUnavailable(f"the index {place.folder} is replaced faster than it can be opened: try again")


def settle(place: Place, working: Path) -> int:
    """Open a shard that was written and close it, and count its points.

    Opening applies what the engine left for later: afterwards readers that open it at the same time find nothing
    to change in it. What cannot be opened is never shown.
    """
    with engine(place.folder):
        shard = edge.EdgeShard.load(str(working))
        points = count_points(shard)
        shard.close()
    return points


def show(place: Place, working: Path, points: int) -> None:
    """Make a settled shard the next generation, and remove those that nobody needs any more.

    A kill at any point leaves the one before shown, with its journal, or this one complete.
    """
    before = place.shown()
    number = before.number + 1 if before else 1
    with engine(place.folder):
        with ThreadPoolExecutor(_SYNCS_AT_ONCE) as pool:
            list(pool.map(sync, chain(own_files(working), (Path(folder) for folder, _, _ in os.walk(working)))))
        place.generations.mkdir(exist_ok=True)
        shutil.rmtree(place.generation(number), ignore_errors=True)
        place.readers(number).touch()
        working.rename(place.generation(number))
        sync(place.generations)
    write_json(place.current, {"generation": number, "points": points})
    collect(place)


def collect(place: Place) -> None:
    """Remove generations and journals that are not shown, but for those that somebody reads; called by the writer alone."""
    shown = place.shown()
    number = shown.number if shown else 0
    for journal in place.folder.glob("journal-*"):
        if journal != place.journal(number):
            journal.unlink(missing_ok=True)
    for old in sorted({int(path.stem) for path in place.generations.glob("[0-9]*") if path.stem.isdecimal()} - {number}):
        with alone(place.readers(old)) as unread:
            if unread:
                shutil.rmtree(place.generation(old), ignore_errors=True)
                place.readers(old).unlink(missing_ok=True)


def _lost(place: Place, shown: Shown) -> IndexUnavailable:
    return IndexUnavailable(
        f"generation {shown.number} of the index {place.folder} is gone: delete the folder, then `docpipe check --repair`"
    )
