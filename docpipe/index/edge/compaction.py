"""When a shard's segments are indexed, merged or rid of deleted points, so that the cost of a point stays bounded.

The engine left alone merges whatever is there down to one segment a core, each time it is asked: a million points
written in a hundred batches would be indexed fifty times over. Here segments are merged when several of about the same
size have come together, as in a log-structured merge tree (O'Neil and others, 1996): a point is written anew once a
level, and there are few levels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from docpipe.index.edge.clone import INDEXED

INDEX_POINTS = 10_000
"""Points without a graph that a search compares one by one, in about 2 ms with 384 dimensions; with more, a graph is built."""
MERGED = 4
"""Segments that become one."""
LARGEST = 250_000
"""Points of the largest segment that a merge makes. Larger ones would be searched a little faster, and one batch in many would
have to build a graph for minutes."""
DELETED_SHARE = 0.3
"""Share of deleted points from which a segment is written anew."""
VACUUM_POINTS = 1_000
"""Deleted points below which that is not worth it."""

_NEVER = 1_000_000


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a shard with a graph of its own, or none yet."""

    points: int
    """Deleted ones too."""
    deleted: int = 0
    indexed: bool = True

    @property
    def alive(self) -> int:
        return self.points - self.deleted


@dataclass(frozen=True, slots=True)
class Plan:
    """How the engine's optimizers are set for one pass."""

    segments: int
    """The smallest are merged until this many are left."""
    deleted_share: float = 1.0
    points: int = 0
    """Points that are written anew."""

    def settings(self, dimension: int) -> Mapping[str, int | float]:
        """For the engine, which counts in KB of vectors."""
        return {
            "default_segment_number": self.segments,
            "deleted_threshold": self.deleted_share,
            "vacuum_min_vector_number": VACUUM_POINTS,
            "indexing_threshold": max(1, INDEX_POINTS * dimension * 4 // 1024),
            "max_segment_size": _NEVER * 1_000,
        }


def segments(shard: Path) -> list[Segment]:
    """What lies in a shard's folder; 8 bytes a point for its version, a bit for its deletion."""
    found = []
    for folder in sorted((shard / "segments").iterdir()):
        if (folder / INDEXED).exists():
            deleted = int.from_bytes((folder / "id_tracker.deleted").read_bytes(), "little").bit_count()
            found.append(Segment((folder / "id_tracker.versions").stat().st_size // 8, deleted))
        elif (versions := folder / "mutable_id_tracker.versions").exists():
            found.append(Segment(versions.stat().st_size // 8, indexed=False))
    return found


def to_index(found: Sequence[Segment]) -> Plan | None:
    """Build a graph for what has grown large enough, before it is shown."""
    growing = sum(segment.points for segment in found if not segment.indexed)
    return Plan(_NEVER, points=growing) if growing >= INDEX_POINTS else None


def to_tidy(found: Sequence[Segment]) -> Plan | None:
    """Merge segments of about a size, or drop deleted points; searches go on without it."""
    indexed = sorted((segment for segment in found if segment.indexed), key=lambda segment: segment.alive)
    together = 0
    merged = 0
    for count, segment in enumerate(indexed, 1):
        # One that is larger than all smaller ones together is of the next level, and waits there for its like.
        if (count > 1 and segment.alive > 2 * together) or together + segment.alive > LARGEST:
            break
        together += segment.alive
        merged = count
    if merged >= MERGED:
        # The growing segment is the smallest of all and is merged too.
        return Plan(len(found) + 1 - merged, points=together)
    worn = [segment for segment in indexed if segment.deleted >= max(DELETED_SHARE * segment.points, VACUUM_POINTS)]
    return Plan(_NEVER, DELETED_SHARE, sum(segment.alive for segment in worn)) if worn else None
