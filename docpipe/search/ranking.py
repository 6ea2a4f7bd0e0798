"""The order of what a search found, the same whenever the same is asked.

The engine leaves it open which of two equally near passages comes first, and the same text in two documents is equally near.
Since that decides their ranks, it would move other passages too: so equals share a rank, and are fused anew with it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

from docpipe.index import Fusion, Part
from docpipe.search.hit import Hit


def in_order(hits: Sequence[Hit], fusion: Fusion) -> list[Hit]:
    """Rank hits by their fused score; of equals the one that stands better among the terms is first, then among the meanings.

    What only a side without weight found is left out. Terms come first since `docs/evaluation.md` found that better than the
    other way round.
    """
    dense, sparse = _first_ranks(hit.dense for hit in hits), _first_ranks(hit.sparse for hit in hits)
    found = [replace(hit, dense=_shared(hit.dense, dense), sparse=_shared(hit.sparse, sparse)) for hit in hits]
    fused = (replace(hit, score=_fused(hit, fusion)) for hit in found)
    return sorted((hit for hit in fused if hit.score > 0), key=_order)


def _first_ranks(parts: Iterable[Part | None]) -> dict[float, int]:
    """The best rank of each score."""
    ranks: dict[float, int] = {}
    for part in parts:
        if part:
            ranks[part.score] = min(part.rank, ranks.get(part.score, part.rank))
    return ranks


def _shared(part: Part | None, ranks: dict[float, int]) -> Part | None:
    return part and replace(part, rank=ranks[part.score])


def _fused(hit: Hit, fusion: Fusion) -> float:
    """Weighted reciprocal rank fusion as Qdrant computes it: a rank is divided by its side's weight."""
    sides = [(part, weight) for part, weight in ((hit.dense, fusion.dense), (hit.sparse, fusion.sparse)) if part]
    # A document that changes while a server answers can be in the fusion alone.
    return sum(1 / (fusion.k + part.rank / weight - 1) for part, weight in sides if weight) if sides else hit.score


def _order(hit: Hit) -> tuple[float, float, float, str, int]:
    sparse, dense = (part.rank if part else math.inf for part in (hit.sparse, hit.dense))
    return -hit.score, sparse, dense, hit.key, hit.chunk
