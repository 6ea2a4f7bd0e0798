"""Opening the index that the settings name.

Runs write to the collection of the settings' model; searches go to the one that the alias names, and are embedded with the
model that this one was made with. Both are the same but while a new model's collection is built beside the searched one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from docpipe.embed.model import find_model
from docpipe.errors import ConfigurationError, ModelMissing
from docpipe.index.collection import Collection, collection_for
from docpipe.index.contract import Catalog, IndexReader, IndexWriter
from docpipe.settings import Settings

if TYPE_CHECKING:
    from qdrant_client import QdrantClient

EMBEDDED = "embedded"

_MODEL_FIELDS = ("embed_window", "embed_pooling", "embed_query_prompt", "embed_passage_prompt", "embed_tokenizer")
"""Settings that say more about the settings' own model; another one is read as its folder says."""


@contextmanager
def open_writer(settings: Settings, collection: Collection | None = None) -> Iterator[IndexWriter]:
    """Open a collection to write, by default that of the settings' model; closed when the context ends.

    Raises `IndexLocked` when another process keeps the embedded collection for longer than `settings.index_lock_seconds`,
    `IndexUnavailable`, and `ConfigurationError` for a collection that was made for something else.
    """
    writer = _writer(settings, collection or own_collection(settings))
    try:
        yield writer
    finally:
        writer.close()


@contextmanager
def open_reader(settings: Settings, collection: Collection | None = None) -> Iterator[IndexReader]:
    """Open a collection to look, by default the searched one; closed when the context ends.

    A collection that does not exist is empty, and stays away. Raises `IndexUnavailable`, `IndexTooNew`.
    """
    reader = _reader(settings, collection or searched_collection(settings))
    try:
        yield reader
    finally:
        reader.close()


@contextmanager
def open_catalog(settings: Settings) -> Iterator[Catalog]:
    """Open the list of the alias's collections; closed when the context ends."""
    # The engines are imported where they are opened: the client alone takes a second.
    catalog: Catalog
    if settings.qdrant_url:
        from docpipe.index.server import ServerCatalog

        catalog = ServerCatalog(_client(settings), settings.collection, location(settings))
    else:
        from docpipe.index.edge import EdgeCatalog

        catalog = EdgeCatalog(settings.home / "index", settings.collection)
    try:
        yield catalog
    finally:
        catalog.close()


def own_collection(settings: Settings) -> Collection:
    """The collection that runs write to: that of the settings' model."""
    return collection_for(settings, find_model(settings))


def searched_collection(settings: Settings) -> Collection:
    """The collection that searches go to: the alias's active one, else the settings' own, which is then empty or not there.

    Asks the engine: a service that lives long asks again now and then, since the alias moves when a model is replaced.
    """
    with open_catalog(settings) as catalog:
        active = next((one.collection for one in catalog.listed() if one.active), None)
    return active or own_collection(settings)


def searched_model(settings: Settings, collection: Collection) -> Settings:
    """Settings whose model embeds queries for this collection: these, or these with the model that it was made with.

    Raises `ModelMissing` where that model is gone or is not what it was.
    """
    problem = ""
    for tried in _candidates(settings, collection):
        try:
            model = find_model(tried)
        except ConfigurationError as error:
            problem = problem or str(error)
            continue
        if (model.sha256, model.dimension) == (collection.model_sha256, collection.dimension):
            return tried
    reason = f" ({problem})" if problem else ""
    raise ModelMissing(
        f"searches go to the collection {collection.name}, which was made with {collection.model} (DOCPIPE_EMBEDDER={collection.embedder}, "
        f"sha256 {collection.model_sha256[:12]}), and that model is not there any more{reason}: put it back, "
        "or search another collection by `docpipe index activate`"
    )


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


def _candidates(settings: Settings, collection: Collection) -> Iterator[Settings]:
    """Settings that may name the collection's model, the likeliest first."""
    same = settings.embedder == collection.embedder
    if same:
        yield settings
    whole = {"embedder": collection.embedder, "embed_dimension": 0}
    shortened = whole | {"embed_dimension": collection.dimension}
    plain: dict[str, object] = {name: Settings.model_fields[name].default for name in _MODEL_FIELDS}
    said: tuple[dict[str, object], ...] = ({}, plain) if same else (plain, {})
    for more in said:
        yield settings.model_copy(update=whole | more)
        yield settings.model_copy(update=shortened | more)
    yield settings


def _writer(settings: Settings, collection: Collection) -> IndexWriter:
    if settings.qdrant_url:
        from docpipe.index.server import ServerWriter

        return ServerWriter(_client(settings), collection, location(settings))
    from docpipe.index.edge import EdgeWriter

    return EdgeWriter(settings.home / "index" / collection.name, collection, settings.index_lock_seconds)


def _reader(settings: Settings, collection: Collection) -> IndexReader:
    if settings.qdrant_url:
        from docpipe.index.server import ServerReader

        return ServerReader(_client(settings), collection, location(settings))
    from docpipe.index.edge import EdgeReader

    return EdgeReader(settings.home / "index" / collection.name, collection)


def _client(settings: Settings) -> QdrantClient:
    location(settings)
    from qdrant_client import QdrantClient

    from docpipe.index.server import TIMEOUT_SECONDS

    key = settings.qdrant_api_key.get_secret_value() or None
    if key and not (key.isascii() and key.isprintable() and key == key.strip()):
        # The client would send it all the same, or name it in the error.
        raise ConfigurationError("DOCPIPE_QDRANT_API_KEY has a blank, a line break or a letter that no header can carry: set it without")
    # The compatibility check would warn, and ask the server once more, before the first call that reports its errors.
    return QdrantClient(url=settings.qdrant_url, api_key=key, timeout=TIMEOUT_SECONDS, check_compatibility=False)
