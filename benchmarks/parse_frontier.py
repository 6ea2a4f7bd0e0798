"""Which readers are worth using: those that no other beats in quality and speed at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Point:
    """One reader in the chart."""

    name: str
    quality: float
    speed: float
    """Pages per CPU-second."""

    def beats(self, other: Point) -> bool:
        """At least as good and as fast, and better in one of the two."""
        as_good = self.quality >= other.quality and self.speed >= other.speed
        return as_good and (self.quality > other.quality or self.speed > other.speed)


def frontier(points: Sequence[Point]) -> list[Point]:
    """The points that no other beats, from the slowest to the fastest."""
    kept = [one for one in points if not any(other.beats(one) for other in points)]
    return sorted(kept, key=lambda one: one.speed)
