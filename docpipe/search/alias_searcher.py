"""Searching for as long as a process lives, whichever collection the alias names."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from docpipe.errors import DocpipeError, IndexUnavailable
from docpipe.index import Collection, searched_collection
from docpipe.search.searcher import Searcher, open_searcher
from docpipe.settings import Settings

LOOK_SECONDS = 1.0
"""How often the alias is looked at while searches come: less than a millisecond embedded, some requests to a server."""

log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class _Opened:
    """One searcher, with what has to be closed once nobody uses it."""

    searcher: Searcher
    resources: ExitStack
    users: int = 0


class AliasSearcher:
    """Goes over to another collection, with its model, soon after searches are sent there; safe for threads.

    Searches under way end where they began. A collection that cannot be opened is logged, and the one before stays.
    """

    def __init__(self, settings: Settings, *, rerank: bool | None = None) -> None:
        """Open the collection that is searched now; raises what `open_searcher` raises."""
        self._settings = settings
        self._rerank = rerank
        self._switch = threading.Lock()
        self._looking = threading.Lock()
        self._closed = False
        self._opened = self._open(searched_collection(settings))
        self._looked = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    @contextmanager
    def current(self) -> Iterator[Searcher]:
        """The searcher of the alias's collection, open for as long as the context lasts; raises `IndexUnavailable` once closed."""
        if time.monotonic() - self._looked >= LOOK_SECONDS:
            self.look()
        with self._switch:
            if self._closed:
                raise IndexUnavailable("the searcher was closed: open another one")
            opened = self._opened
            opened.users += 1
        try:
            yield opened.searcher
        finally:
            with self._switch:
                opened.users -= 1
                unused = not opened.users and (opened is not self._opened or self._closed)
            if unused:
                opened.resources.close()

    def look(self) -> None:
        """Go over to another collection if the alias names one now; does nothing while another thread is at it."""
        if not self._looking.acquire(blocking=False):
            return
        try:
            named = searched_collection(self._settings)
            if named != self._opened.searcher.collection:
                self._go_over(self._open(named))
        except DocpipeError as error:
            log.warning("searches stay with the collection %s: %s", self._opened.searcher.collection.name, error)
        finally:
            self._looked = time.monotonic()
            self._looking.release()

    def close(self) -> None:
        """Let go of everything once the last search has ended; a second call does nothing."""
        with self._switch:
            unused = not self._closed and not self._opened.users
            self._closed = True
        if unused:
            self._opened.resources.close()

    def _open(self, collection: Collection) -> _Opened:
        with ExitStack() as resources:
            searcher = resources.enter_context(open_searcher(self._settings, collection, rerank=self._rerank))
            return _Opened(searcher, resources.pop_all())

    def _go_over(self, opened: _Opened) -> None:
        with self._switch:
            if self._closed:
                unused: _Opened | None = opened
            else:
                before, self._opened = self._opened, opened
                unused = None if before.users else before
        if unused:
            unused.resources.close()
