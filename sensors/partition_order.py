"""Keep the partitions of a batch next to each other, since a run can only name a range of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import dagster as dg

from sensors.named_partitions import partitions_are_named


class PartitionOrder:
    """The order of dynamic partitions, which is the order in which they were added.

    New documents are added in one call and so stand together. Documents that are processed again are scattered:
    they are taken out and added again at the end, which costs about 25 ms each and keeps all of their history. While
    a run from the UI goes by the order, nothing is moved: they travel in the pieces in which they stand.
    """

    def __init__(self, instance: dg.DagsterInstance, partitions: dg.DynamicPartitionsDefinition) -> None:
        assert partitions.name
        self._instance = instance
        self._name = partitions.name
        self._known: dict[str, int] | None = None

    @property
    def _positions(self) -> dict[str, int]:
        if self._known is None:
            # One query for all keys of a tick: has_dynamic_partition would be one for each.
            self._known = {key: number for number, key in enumerate(self._instance.get_dynamic_partitions(self._name))}
        return self._known

    def pieces(self, keys: Sequence[str]) -> Iterator[list[str]]:
        """Split the documents of a batch into such as `gather` can bring together now; all of them where it may move some."""
        new, adjacent = self._split(keys)
        if len(adjacent) + bool(new) <= 1 or not partitions_are_named(self._instance):
            yield list(keys)
            return
        if new:
            yield new
        yield from adjacent

    def gather(self, keys: Sequence[str]) -> tuple[str, str] | None:
        """Make partitions of the keys that stand together; returns the first and the last of them.

        None, and nothing is changed, where some would have to be moved and must not be.
        """
        new, adjacent = self._split(keys)
        if not new and len(adjacent) == 1:
            return adjacent[0][0], adjacent[0][-1]
        if adjacent and partitions_are_named(self._instance):
            return None
        for piece in adjacent:
            for key in piece:
                self._instance.delete_dynamic_partition(self._name, key)
        self._instance.add_dynamic_partitions(self._name, list(keys))
        # Positions are only compared, so those left free by the moved keys do no harm: no run of keys has a gap filled.
        end = max(self._positions.values(), default=-1) + 1
        self._positions.update((key, end + number) for number, key in enumerate(keys))
        return keys[0], keys[-1]

    def _split(self, keys: Sequence[str]) -> tuple[list[str], list[list[str]]]:
        """The keys that are no partitions yet, and the others as groups that stand together."""
        positions = self._positions
        groups: list[list[str]] = []
        for key in sorted((key for key in keys if key in positions), key=positions.__getitem__):
            if groups and positions[groups[-1][-1]] == positions[key] - 1:
                groups[-1].append(key)
            else:
                groups.append([key])
        return [key for key in keys if key not in positions], groups
