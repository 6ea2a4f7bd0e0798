"""Making a collection on a server, with its payload indexes and its place behind the alias."""

from __future__ import annotations

from qdrant_client import QdrantClient, models
from qdrant_client.http.exceptions import UnexpectedResponse

from docpipe.index.collection import DATE_FIELDS, DENSE, INTEGER_FIELDS, KEYWORD_FIELDS, SPARSE, Collection
from docpipe.index.server.alias import active_collection, make_active, names_behind
from docpipe.index.server.collection import ServerCollection
from docpipe.index.server.head import HEAD, REVISION

INDEXING_KILOBYTES = 10_000
"""Size of a segment's vectors from which it gets a graph; 6,700 vectors of 384 dimensions. The earlier system's value."""
DEFERRED = 0
"""No segment gets a graph."""

_INDEXED = (
    dict.fromkeys((*KEYWORD_FIELDS, HEAD), models.PayloadSchemaType.KEYWORD)
    | dict.fromkeys((*INTEGER_FIELDS, REVISION), models.PayloadSchemaType.INTEGER)
    | dict.fromkeys(DATE_FIELDS, models.PayloadSchemaType.DATETIME)
)


def make_ready(stored: ServerCollection) -> None:
    """Create what is missing of the collection; what there is of it may be left by a call that was killed.

    A collection that is made while another one is searched is loaded in bulk: its graph is built when it is activated.
    """
    client, collection = stored.client, stored.collection
    active = active_collection(client, collection.alias)
    created = not stored.exists() and _create(stored, deferred=active is not None)
    found = client.get_collection(collection.name)
    for field, kind in _INDEXED.items():
        if field not in found.payload_schema:
            client.create_payload_index(collection.name, field, kind, wait=True)
    if (found.config.metadata or {}).get("embedder") != collection.embedder:
        # The same model has another place now, and that is where a query has to look for it.
        client.update_collection(collection.name, metadata={"embedder": collection.embedder})
    if active is None and (created or names_behind(client, collection.alias) == [collection.name]):
        enable_indexing(client, collection.name)
        make_active(client, collection.alias, collection.name)


def enable_indexing(client: QdrantClient, name: str) -> None:
    """Let the server build graphs from now on; also wakes up an optimizer that waits for a request since a restart."""
    client.update_collection(name, optimizers_config=models.OptimizersConfigDiff(indexing_threshold=INDEXING_KILOBYTES))


def _create(stored: ServerCollection, *, deferred: bool) -> bool:
    """Whether this call made it; False where another process was faster."""
    collection = stored.collection
    try:
        stored.client.create_collection(
            collection.name,
            vectors_config={DENSE: models.VectorParams(size=collection.dimension, distance=models.Distance.COSINE)},
            sparse_vectors_config={SPARSE: models.SparseVectorParams(modifier=models.Modifier.IDF)},
            optimizers_config=models.OptimizersConfigDiff(indexing_threshold=DEFERRED if deferred else INDEXING_KILOBYTES),
            quantization_config=_quantization(collection),
            metadata=dict(collection.record),
        )
    except (UnexpectedResponse, ValueError):
        if not stored.look():
            raise
        return False
    return stored.look()


def _quantization(collection: Collection) -> models.ScalarQuantization | models.BinaryQuantization | None:
    """Small vectors stay in memory, where they are what makes the search fast."""
    if collection.quantization == "int8":
        # Unit vectors have few large components; without the largest 1% the other 99% keep finer steps.
        return models.ScalarQuantization(
            scalar=models.ScalarQuantizationConfig(type=models.ScalarType.INT8, quantile=0.99, always_ram=True)
        )
    if collection.quantization == "binary":
        return models.BinaryQuantization(binary=models.BinaryQuantizationConfig(always_ram=True))
    return None
