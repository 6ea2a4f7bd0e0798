"""The collections of one alias on a server."""

from __future__ import annotations

import logging
import time
from itertools import count

from qdrant_client import QdrantClient, models

from docpipe.errors import ConfigurationError, IndexTooNew, IndexUnavailable
from docpipe.index.collection import Collection, is_named_for
from docpipe.index.contract import Listed
from docpipe.index.server.alias import active_collection, make_active, names_behind
from docpipe.index.server.collection import described
from docpipe.index.server.condition import PASSAGES
from docpipe.index.server.creation import enable_indexing
from docpipe.index.server.errors import server_errors

PATIENCE_SECONDS = 3_600.0
"""Longest wait for the graph of a collection that is to be activated; a million vectors take minutes on a server's cores."""
PAUSE_SECONDS = 0.5
_GREEN_LOOKS = 3
"""A server says green until its optimizer has noticed that there is work, so one look is not enough."""

log = logging.getLogger(__name__)


class ServerCatalog:
    """The collections behind one alias; the server keeps the alias, so all processes see the same one."""

    def __init__(
        self, client: QdrantClient, alias: str, where: str, patience: float = PATIENCE_SECONDS, pause: float = PAUSE_SECONDS
    ) -> None:
        """Look through `client`, which `close` closes; `where` names the server in messages.

        `patience` and `pause` are the longest wait for a graph and the time between two looks at it, in seconds.
        """
        self._client = client
        self._alias = alias
        self._where = where
        self._patience = patience
        self._pause = pause

    def listed(self) -> list[Listed]:
        """Every collection of the alias, by name; those that are not ours, or of an older schema, are left out with a warning.

        Raises `IndexTooNew` where one is newer than this code, and `IndexUnavailable`.
        """
        with server_errors(self._where, known=False):
            active = active_collection(self._client, self._alias)
            names = names_behind(self._client, self._alias)
        listed: list[Listed] = []
        for name in names:
            collection = self._collection(name)
            if collection:
                with server_errors(self._where, known=True):
                    # Asked at each look of the metrics: an exact count goes through all of them.
                    points = self._client.count(name, PASSAGES, exact=False).count
                listed.append(Listed(collection, points, name == active))
        return listed

    def activate(self, name: str) -> None:
        """Build what is missing of the graph, wait for it, and send searches there.

        Raises `ConfigurationError` for a collection that is not there or not ours, and `IndexUnavailable` where the
        graph takes too long or fails; searches then stay where they are.
        """
        if not is_named_for(self._alias, name) or not self._collection(name):
            raise ConfigurationError(f"there is no collection {name} behind {self._alias}: `docpipe index` shows which there are")
        with server_errors(self._where, known=True):
            enable_indexing(self._client, name)
            self._await_green(name)
            make_active(self._client, self._alias, name)

    def drop(self, name: str) -> None:
        """Delete a collection with all its points, also one of an older docpipe.

        Raises `ConfigurationError` for the one that is searched and for one that is not there.
        """
        with server_errors(self._where, known=True):
            if name == active_collection(self._client, self._alias):
                raise ConfigurationError(f"the collection {name} is searched: activate another one, then release it")
            if name not in names_behind(self._client, self._alias):
                raise ConfigurationError(f"there is no collection {name} behind {self._alias}: `docpipe index` shows which there are")
            self._client.delete_collection(name)

    def close(self) -> None:
        self._client.close()

    def _collection(self, name: str) -> Collection | None:
        """Read what a collection is for; None where it is not ours, or has just been dropped."""
        with server_errors(self._where, known=False):
            if not self._client.collection_exists(name):
                return None
            config = self._client.get_collection(name).config
        try:
            return described(self._alias, name, config)
        except IndexTooNew:
            raise
        except ConfigurationError as error:
            log.warning("%s", error)
            return None

    def _await_green(self, name: str) -> None:
        until = time.monotonic() + self._patience
        green = 0
        for look in count():
            info = self._client.get_collection(name)
            if info.status is models.CollectionStatus.RED:
                raise IndexUnavailable(f"Qdrant at {self._where} cannot build the graph of {name}: its log says why; then activate again")
            green = green + 1 if info.status is models.CollectionStatus.GREEN else 0
            if green == _GREEN_LOOKS:
                return
            if look and time.monotonic() > until:
                raise IndexUnavailable(
                    f"Qdrant at {self._where} still builds the graph of {name} after {self._patience:.0f} s "
                    f"({info.indexed_vectors_count or 0} vectors done): activate it again later"
                )
            time.sleep(self._pause)
