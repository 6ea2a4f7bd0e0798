"""Opening the index that the settings name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from docpipe.embed.model import EmbeddingModel, find_model
from docpipe.errors import ConfigurationError
from docpipe.index.collection import Collection, collection_for
from docpipe.index.contract import Index, IndexReader, IndexWriter
from docpipe.settings import Settings

EMBEDDED = "embedded"


@contextmanager
def open_writer(settings: Settings) -> Iterator[IndexWriter]:
    """Open the index to write; closed when the context ends."""
    index = open_index(settings, find_model(settings))
    try:
        yield index
    finally:
        index.close()


@contextmanager
def open_reader(settings: Settings) -> Iterator[IndexReader]:
    """Open the index to look; closed when the context ends. A collection that does not exist is empty, and stays away."""
    index = open_index(settings, find_model(settings))
    try:
        yield index
    finally:
        index.close()


def open_index(settings: Settings, model: EmbeddingModel) -> Index:
    """Open the collection of a model: on the server of `settings.qdrant_url`, else embedded.

    Raises `IndexLocked` when another process keeps the embedded index for longer than `settings.index_lock_seconds`,
    `IndexUnavailable`, and `ConfigurationError` for a collection that was made for another model.
    """
    # The engines are imported where they are opened: the client alone takes a second.
    collection = collection_for(settings, model)
    if settings.qdrant_url:
        return _server(settings, collection)
    from docpipe.index.edge import EdgeIndex

    return EdgeIndex(settings.home / "index" / collection.name, collection, settings.index_lock_seconds)


def location(settings: Settings) -> str:
    """Which index the settings name, without secrets: `embedded`, or scheme, host and port of the server."""
    if not settings.qdrant_url:
        return EMBEDDED
    try:
        parts = urlsplit(settings.qdrant_url)
        port = parts.port
    except ValueError:
        raise ConfigurationError("DOCPIPE_QDRANT_URL is no URL: set it like http://localhost:6333") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigurationError("DOCPIPE_QDRANT_URL is no URL of a server: set it like http://localhost:6333")
    return f"{parts.scheme}://{parts.hostname}{f':{port}' if port else ''}"


def _server(settings: Settings, collection: Collection) -> Index:
    where = location(settings)
    from qdrant_client import QdrantClient

    from docpipe.index.server import TIMEOUT_SECONDS, ServerIndex

    key = settings.qdrant_api_key.get_secret_value() or None
    # The compatibility check would warn, and ask the server once more, before the first call that reports its errors.
    client = QdrantClient(url=settings.qdrant_url, api_key=key, timeout=TIMEOUT_SECONDS, check_compatibility=False)
    return ServerIndex(client, collection, where)
