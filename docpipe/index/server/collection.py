"""One collection on a server, as far as this process knows it."""

from __future__ import annotations

from contextlib import AbstractContextManager

from qdrant_client import QdrantClient, models

from docpipe.errors import ConfigurationError
from docpipe.index.collection import DENSE, SPARSE, Collection
from docpipe.index.server.errors import server_errors


class ServerCollection:
    """Makes sure that a collection is what it should be; what readers and writers share."""

    def __init__(self, client: QdrantClient, collection: Collection, where: str) -> None:
        """Look whether the collection exists; closes `client` where that fails.

        Raises `IndexUnavailable`, `IndexTooNew`, and `ConfigurationError` for a collection that was made for something else.
        """
        self.client = client
        self.collection = collection
        self.name = collection.name
        self._where = where
        self._known = False
        try:
            self.look()
        except BaseException:
            client.close()
            raise

    def exists(self) -> bool:
        """Whether it was there once; somebody else may create it at any time, so its absence is never final."""
        return self._known or self.look()

    def look(self) -> bool:
        """Whether it is there now; raises when it is not ours."""
        with self.preparations():
            if not self.client.collection_exists(self.name):
                self._known = False
                return False
            described(self.collection.alias, self.name, self.client.get_collection(self.name).config)
        self._known = True
        return True

    def requests(self) -> AbstractContextManager[None]:
        """Translate the errors of requests about its points."""
        return server_errors(self._where, known=self._known)

    def preparations(self) -> AbstractContextManager[None]:
        """Translate the errors of requests about itself, for which no document is to blame."""
        return server_errors(self._where, known=False)


def described(alias: str, name: str, config: models.CollectionConfig) -> Collection:
    """Read what a collection is for; raises `IndexTooNew`, and `ConfigurationError` where what is stored is something else."""
    collection = Collection.of_record(alias, name, config.metadata or {})
    dense, sparse = config.params.vectors, config.params.sparse_vectors or {}
    vector = dense.get(DENSE) if isinstance(dense, dict) else None
    if vector is None or vector.size != collection.dimension or SPARSE not in sparse:
        raise ConfigurationError(
            f"the collection {name} has other vectors than its record says, since somebody else has made it anew: "
            f"`docpipe index release {name}` deletes it; then index again"
        )
    return collection
