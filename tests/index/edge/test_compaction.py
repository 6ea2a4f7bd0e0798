from __future__ import annotations

import pytest

from docpipe.index.edge.compaction import INDEX_POINTS, LARGEST, Segment, to_index, to_tidy


def made(*sizes: int) -> list[Segment]:
    return [*(Segment(size) for size in sizes), Segment(5, indexed=False)]


def test_a_graph_is_built_once_enough_has_grown() -> None:
    assert to_index([Segment(1_000_000), Segment(INDEX_POINTS - 1, indexed=False)]) is None
    plan = to_index([Segment(1_000_000), Segment(INDEX_POINTS, indexed=False)])
    assert plan is not None
    assert plan.points == INDEX_POINTS
    assert plan.deleted_share == 1


@pytest.mark.parametrize(
    ("sizes", "merged"),
    [
        ((), 0),
        ((10_000, 10_000, 10_000), 0),
        ((10_000, 10_000, 10_000, 10_000), 40_000),
        ((200_000, 10_000, 12_000, 11_000, 10_000), 43_000),
        ((200_000, 10_000, 10_000), 0),
        ((40_000, 10_000, 10_000, 30_000), 90_000),
        ((100_000, 100_000, 100_000, 100_000), 0),
        ((60_000, 60_000, 60_000, 60_000), 240_000),
    ],
)
def test_segments_of_a_size_are_merged(sizes: tuple[int, ...], merged: int) -> None:
    plan = to_tidy(made(*sizes))
    assert (plan.points if plan else 0) == merged


def test_worn_segments_are_written_anew() -> None:
    plan = to_tidy([Segment(100_000, 30_000), Segment(100_000, 29_000)])
    assert plan is not None
    assert plan.points == 70_000
    assert to_tidy([Segment(1_000, 999)]) is None


@pytest.mark.parametrize(("batch", "most"), [(2_000, 4.0), (10_000, 4.0), (100_000, 1.0)])
def test_a_million_points_are_written_a_few_times_each(batch: int, most: float) -> None:
    """Plays out what a million points in batches cost; one segment a core would cost 50 times each at 10,000."""
    indexed: list[int] = []
    growing = written = 0
    for _ in range(1_000_000 // batch):
        growing += batch
        found = [*(Segment(size) for size in indexed), Segment(growing, indexed=False)]
        if plan := to_index(found):
            written += plan.points
            indexed.append(growing)
            growing = 0
        if plan := to_tidy([Segment(size) for size in indexed]):
            written += plan.points
            count = len(indexed) + 1 - plan.segments
            assert sum(sorted(indexed)[:count]) == plan.points <= LARGEST
            indexed = [*sorted(indexed)[count:], plan.points]
    assert written / 1_000_000 <= most
    assert len(indexed) <= 16
