"""Writing to the embedded engine."""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from itertools import chain
from pathlib import Path

import qdrant_edge as edge

from docpipe.errors import DocpipeError, IndexUnavailable
from docpipe.index.collection import SPARSE, Collection
from docpipe.index.contract import Entry
from docpipe.index.edge.catalog import activate_first
from docpipe.index.edge.clone import clone, copied_bytes
from docpipe.index.edge.compaction import Plan, segments, to_index, to_tidy
from docpipe.index.edge.engine import RESERVE_BYTES, check_space, engine, free_bytes, never_drop
from docpipe.index.edge.generation import collect, settle, show
from docpipe.index.edge.journal import Deleted, Journal, Replaced
from docpipe.index.edge.place import Place, write_json
from docpipe.index.edge.shard import create_shard, delete_documents, replace_documents
from docpipe.index.lock import acquire
from docpipe.index.point import point_slices

SHOW_POINTS = 100_000
"""Points written by one writer after which readers are shown them, and a graph is built: a segment of a good size."""

_OPTIMIZER = Path(__file__).with_name("optimizer.py")

log = logging.getLogger(__name__)


class EdgeWriter:
    """One collection in a folder, written by this process from opening to closing.

    It works on a shard of its own, cloned from the generation that is shown, and journals what it did. Closing makes
    that shard the next generation. After a kill the next writer, or a reader, does again what the journal says.
    """

    def __init__(self, folder: Path, collection: Collection, wait: float) -> None:
        """Take the collection, waiting up to `wait` seconds for another writer; raises `IndexLocked`.

        The first `replace` creates it: opening it leaves no more than a lock file.
        """
        self._place = Place(folder)
        self._collection = collection
        self._shard: edge.EdgeShard | None = None
        self._workings = 0
        self._fresh = 0
        self._process = os.getpid()
        self._closed = False
        self._optimizing = True
        with engine(folder):
            self._lock = acquire(self._place.lock, wait)
        try:
            with engine(folder):
                self._exists = self._place.check(collection)
        except BaseException:
            self._lock.release()
            raise

    def replace(self, entries: Sequence[Entry]) -> None:
        slices = point_slices(entries, self._collection.dimension)
        # The first slice comes after every vector was checked.
        first = next(slices, None)
        if not entries or (first is None and not self._exists):
            return
        everything = chain([first], slices) if first else slices
        self._write(
            lambda shard: replace_documents(shard, entries, everything, lambda: check_space(self._place.folder)),
            [Replaced(entry) for entry in entries],
        )
        self._fresh += sum(len(entry.passages) for entry in entries)
        if self._fresh >= SHOW_POINTS:
            self._show()

    def delete(self, keys: Sequence[str], keep: Mapping[str, int] | None = None) -> None:
        if not self._exists or not keys:
            return
        self._write(lambda shard: delete_documents(shard, keys, keep or {}), [Deleted(keys, keep or {})])

    def close(self) -> None:
        """Show readers what was done, and let go; a second call does nothing.

        Shows, too, what a writer that was killed had written.
        """
        if os.getpid() != self._process:
            never_drop(self._shard)
            return
        if self._closed:
            return
        self._closed = True
        try:
            if self._exists and not self._lock.is_lost and not self._journal.is_empty:
                self._show()
        finally:
            self._let_go()
            self._lock.release()

    @classmethod
    def recover(cls, folder: Path, collection: Collection) -> None:
        """Show what a writer that was killed had written, and leave it to the next one to make it fast; raises `IndexLocked`."""
        writer = cls(folder, collection, 0)
        writer._optimizing = False
        writer.close()

    @property
    def _working(self) -> Path:
        return self._place.working(self._workings)

    def _let_go(self) -> None:
        """Forget the working shard; nobody knows how much it has taken of a call that failed."""
        shard, self._shard = self._shard, None
        if shard is not None:
            with suppress(Exception):
                shard.close()

    @property
    def _journal(self) -> Journal:
        shown = self._place.shown()
        return Journal(self._place.journal(shown.number if shown else 0))

    def _write(self, change: Callable[[edge.EdgeShard], None], record: Sequence[Replaced | Deleted]) -> None:
        """Change the shard, then the journal: what is in neither or in both is right after a kill, and so is the first alone."""
        self._check_owner()
        check_space(self._place.folder)
        shard = self._open()
        try:
            with engine(self._place.folder):
                change(shard)
            self._journal.append(record)
        except BaseException:
            self._let_go()
            raise

    def _check_owner(self) -> None:
        if self._closed or os.getpid() != self._process:
            never_drop(self._shard)
            raise IndexUnavailable(f"the index {self._place.folder} was opened by another process, or closed: open it again")
        if self._lock.is_lost:
            self._let_go()
            raise IndexUnavailable(f"the index {self._place.folder} was deleted while it was written: run again")

    def _open(self) -> edge.EdgeShard:
        """The working shard: what is shown, and what the journal has on top of it."""
        if self._shard is None:
            if not self._exists:
                write_json(self._place.record, self._collection.record)
                self._exists = True
            activate_first(self._place.folder.parent, self._collection)
            with engine(self._place.folder):
                for left in self._place.folder.glob("working-*"):
                    shutil.rmtree(left, ignore_errors=True)
                collect(self._place)
                self._workings += 1
                shard = self._clone()
                for done in self._journal.read():
                    check_space(self._place.folder)
                    self._repeat(shard, done)
            self._shard = shard
        return self._shard

    def _clone(self) -> edge.EdgeShard:
        shown = self._place.shown()
        if shown is None:
            return create_shard(self._working, self._collection)
        source = self._place.generation(shown.number)
        check_space(self._place.folder, copied_bytes(source))
        clone(source, self._working)
        return edge.EdgeShard.load(str(self._working))

    def _repeat(self, shard: edge.EdgeShard, done: Replaced | Deleted) -> None:
        if isinstance(done, Replaced):
            replace_documents(shard, [done.entry], point_slices([done.entry], self._collection.dimension), lambda: None)
        else:
            delete_documents(shard, done.keys, done.keep)

    def _show(self) -> None:
        """Make the working shard the next generation, with a graph where it has grown, then tidy up."""
        self._leave()
        plan = to_index(segments(self._working)) if self._optimizing else None
        if plan and self._has_room(plan) and not self._optimize(plan):
            # What the optimizer left may be anything.
            self._leave()
        show(self._place, self._working, settle(self._place, self._working))
        self._fresh = 0
        if self._optimizing:
            try:
                with engine(self._place.folder):
                    self._tidy()
            except DocpipeError as error:
                log.warning("the index %s was written, and could not be tidied up: %s", self._place.folder, error)

    def _leave(self) -> None:
        """Put the working shard on the disk and let go of it."""
        shard = self._open()
        try:
            with engine(self._place.folder):
                shard.flush()
        finally:
            self._let_go()

    def _tidy(self) -> None:
        shown = self._place.shown()
        plan = to_tidy(segments(self._place.generation(shown.number))) if shown else None
        if plan is None:
            return
        self._leave()
        if self._has_room(plan) and self._optimize(plan):
            show(self._place, self._working, settle(self._place, self._working))
        shutil.rmtree(self._working, ignore_errors=True)

    def _has_room(self, plan: Plan) -> bool:
        """Whether segments can be written anew beside the old ones."""
        folder = self._working
        share = plan.points / max(1, sum(segment.points for segment in segments(folder)))
        size = sum(file.stat().st_blocks * 512 for file in folder.rglob("*") if file.is_file())
        if free_bytes(folder) < 2 * min(1.0, share) * size + RESERVE_BYTES:
            log.warning("no room to optimize the index %s: searches stay slow until the disk has space", self._place.folder)
            return False
        return True

    def _optimize(self, plan: Plan) -> bool:
        """Carry out a plan; what is stored does not depend on it, only how fast it is found."""
        folder = self._working
        settings = json.dumps(plan.settings(self._collection.dimension))
        # Whoever comes after a kill of this process waits for the optimizer too: it holds the lock as well.
        done = subprocess.run(  # noqa: S603 - our own file and our own numbers
            [sys.executable, "-P", str(_OPTIMIZER), str(folder), settings, SPARSE, str(os.getpid())],
            capture_output=True,
            text=True,
            check=False,
            pass_fds=[self._lock.descriptor],
        )
        if done.returncode:
            log.warning("the index %s could not be optimized: searches stay slow until the next write: %s", folder, done.stderr[-500:])
        return done.returncode == 0
