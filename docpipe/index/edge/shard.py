"""The engine's shard: how it is made, and how documents are written to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path

import qdrant_edge as edge

from docpipe.index.collection import DATE_FIELDS, DENSE, INTEGER_FIELDS, KEYWORD_FIELDS, SPARSE, Collection
from docpipe.index.contract import Entry
from docpipe.index.edge.condition import any_of, equals
from docpipe.index.point import StoredPoint

_KEYS_AT_ONCE = 500


def create_shard(folder: Path, collection: Collection) -> edge.EdgeShard:
    """A new, empty shard; without the engine's log, since the journal is ours."""
    config = edge.EdgeConfig(
        vectors={
            DENSE: edge.EdgeVectorParams(
                size=collection.dimension, distance=edge.Distance.Cosine, quantization_config=_quantization(collection)
            )
        },
        sparse_vectors={SPARSE: edge.EdgeSparseVectorParams(modifier=edge.Modifier.Idf)},
        wal_enabled=False,
    )
    shard = edge.EdgeShard.create(str(folder), config)
    kinds = dict.fromkeys(KEYWORD_FIELDS, edge.PayloadSchemaType.Keyword)
    kinds |= dict.fromkeys(INTEGER_FIELDS, edge.PayloadSchemaType.Integer)
    kinds |= dict.fromkeys(DATE_FIELDS, edge.PayloadSchemaType.Datetime)
    for field, kind in kinds.items():
        shard.update(edge.UpdateOperation.create_field_index(field, kind))
    return shard


def replace_documents(
    shard: edge.EdgeShard, entries: Sequence[Entry], slices: Iterable[Sequence[StoredPoint]], before_each: Callable[[], None]
) -> None:
    """Write the points of some documents, then delete those of their other generations and surplus ones of this one."""
    for points in slices:
        before_each()
        shard.update(edge.UpdateOperation.upsert_points([_point(point) for point in points]))
    remaining = iter(entries)
    while some := list(islice(remaining, _KEYS_AT_ONCE)):
        stale = [condition for entry in some for condition in _stale(entry)]
        shard.update(edge.UpdateOperation.delete_points_by_filter(edge.Filter(should=list(stale))))


def delete_documents(shard: edge.EdgeShard, keys: Sequence[str], keep: Mapping[str, int]) -> None:
    """Delete the points of these documents, but for those of the generations that are kept and of newer ones."""
    remaining = iter(keys)
    while some := list(islice(remaining, _KEYS_AT_ONCE)):
        shard.update(edge.UpdateOperation.delete_points_by_filter(_unwanted(some, keep)))


def count_points(shard: edge.EdgeShard) -> int:
    return int(shard.count(edge.CountRequest(exact=True)))


def _quantization(collection: Collection) -> edge.ScalarQuantizationConfig | edge.BinaryQuantizationConfig | None:
    match collection.quantization:
        case "int8":
            return edge.ScalarQuantizationConfig(type=edge.ScalarType.Int8, memory=edge.Memory.Pinned)
        case "binary":
            return edge.BinaryQuantizationConfig(memory=edge.Memory.Pinned)
        case _:
            return None


def _point(point: StoredPoint) -> edge.Point:
    return edge.Point(point.id, {DENSE: point.vector, SPARSE: edge.SparseVector(point.terms.indices, point.terms.values)}, point.payload)  # type: ignore[dict-item]


def _stale(entry: Entry) -> list[edge.Filter]:
    key, generation = equals("key", entry.key), equals("generation", entry.generation)
    surplus = edge.FieldCondition(key="chunk", range=edge.RangeFloat(gte=float(len(entry.passages))))
    return [edge.Filter(must=[key], must_not=[generation]), edge.Filter(must=[key, generation, surplus])]


def _unwanted(keys: Sequence[str], keep: Mapping[str, int]) -> edge.Filter:
    whole = [key for key in keys if key not in keep]
    conditions: list[edge.Filter] = [edge.Filter(must=[any_of("key", whole)])] if whole else []
    for key, kept in ((key, keep[key]) for key in keys if key in keep):
        rightful = edge.FieldCondition(key="generation", range=edge.RangeFloat(gte=float(kept)))
        conditions.append(edge.Filter(must=[equals("key", key)], must_not=[rightful]))
    return edge.Filter(should=list(conditions))
