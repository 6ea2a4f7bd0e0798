"""The embedded collections behind one alias."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from docpipe.errors import ConfigurationError, IndexTooNew
from docpipe.index.collection import Collection, is_named_for
from docpipe.index.contract import Listed
from docpipe.index.edge.engine import engine
from docpipe.index.edge.place import Place, read_json, write_json
from docpipe.index.lock import acquire

_WAIT_SECONDS = 10.0
"""Aliases are changed in milliseconds."""

log = logging.getLogger(__name__)


class EdgeCatalog:
    """Folders beside each other, and `aliases.json`, which names for each alias the one that is searched."""

    def __init__(self, root: Path, alias: str) -> None:
        """`root` holds one folder a collection, named as the collection; it need not exist."""
        self._root = root
        self._alias = alias

    def listed(self) -> list[Listed]:
        """Every collection of the alias, by name; raises `IndexTooNew` where one is newer than this code.

        Points are those that readers are shown. Folders that are not docpipe's, or of an older schema, are left out.
        """
        with engine(self._root):
            active = _aliases(self._root).get(self._alias)
            found = []
            for place in self._places():
                try:
                    collection = place.described(self._alias)
                    shown = place.shown()
                except IndexTooNew:
                    raise
                except ConfigurationError as error:
                    log.warning("%s is left out: %s. If nobody needs it, delete the folder", place.folder, error)
                    continue
                if collection is not None:
                    found.append(Listed(collection, shown.points if shown else 0, collection.name == active))
            return found

    def activate(self, name: str) -> None:
        """Send searches to this collection from now on; raises `ConfigurationError` for one that does not exist."""
        if self._place(name).described(self._alias) is None:
            raise self._unknown(name)
        with _changing(self._root):
            write_json(self._root / "aliases.json", _aliases(self._root) | {self._alias: name})

    def drop(self, name: str) -> None:
        """Delete a collection; raises `ConfigurationError` for the one that is searched, `IndexLocked` while it is written.

        Readers who have it open are told that it is gone when they look for a newer generation.
        """
        place = self._place(name)
        if not place.folder.is_dir():
            raise self._unknown(name)
        with _changing(self._root):
            if _aliases(self._root).get(self._alias) == name:
                raise ConfigurationError(f"the collection {name} is searched: activate another one first (`docpipe index activate`)")
            lock = acquire(place.lock, 0)
            try:
                # Renamed first: a kill leaves no collection by halves.
                gone = place.folder.with_name(f"{name}.dropped")
                shutil.rmtree(gone, ignore_errors=True)
                place.folder.rename(gone)
            finally:
                lock.release()
        for gone in self._root.glob(f"{self._alias}-*.dropped"):
            shutil.rmtree(gone, ignore_errors=True)

    def close(self) -> None:
        """Nothing is held open."""

    def _places(self) -> Iterator[Place]:
        if self._root.is_dir():
            for folder in sorted(self._root.iterdir()):
                if is_named_for(self._alias, folder.name) and folder.is_dir():
                    yield Place(folder)

    def _place(self, name: str) -> Place:
        place = next((place for place in self._places() if place.folder.name == name), None)
        if place is None:
            raise self._unknown(name)
        return place

    def _unknown(self, name: str) -> ConfigurationError:
        known = ", ".join(place.folder.name for place in self._places()) or "none"
        return ConfigurationError(f"there is no collection {name!r} of the alias {self._alias}; there are: {known}")


def activate_first(root: Path, collection: Collection) -> None:
    """Send searches to a collection where the alias has none, or one whose folder somebody deleted."""
    if _is_there(root, collection):
        return
    with _changing(root):
        if not _is_there(root, collection):
            write_json(root / "aliases.json", _aliases(root) | {collection.alias: collection.name})


def _is_there(root: Path, collection: Collection) -> bool:
    active = _aliases(root).get(collection.alias)
    return active is not None and Place(root / active).record.exists()


def _aliases(root: Path) -> dict[str, str]:
    path = root / "aliases.json"
    try:
        return {str(alias): str(name) for alias, name in (read_json(path) or {}).items()}
    except ValueError as error:
        raise ConfigurationError(f"{path} is damaged: delete it, then `docpipe index activate` the collection to search") from error


@contextmanager
def _changing(root: Path) -> Iterator[None]:
    with engine(root):
        lock = acquire(root / "aliases.lock", _WAIT_SECONDS)
        try:
            yield
        finally:
            lock.release()
