"""Partitions of a batch stand together, however they stood before."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import dagster as dg
import pytest
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sensors.batch_runs import BATCH_TAG
from sensors.named_partitions import partitions_are_named
from sensors.partition_order import PartitionOrder

DOCUMENTS = dg.DynamicPartitionsDefinition(name="documents")
NAMES = [f"d{number}" for number in range(8)]


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def between(instance: dg.DagsterInstance, start: str, end: str) -> list[str]:
    keys = list(instance.get_dynamic_partitions("documents"))
    return keys[keys.index(start) : keys.index(end) + 1]


def ends(order: PartitionOrder, keys: list[str]) -> tuple[str, str]:
    found = order.gather(keys)
    assert found
    return found


def test_new_documents_are_added_in_order(instance: dg.DagsterInstance) -> None:
    order = PartitionOrder(instance, DOCUMENTS)
    assert order.gather(["b", "a", "c"]) == ("b", "c")
    assert order.gather(["z"]) == ("z", "z")
    assert list(instance.get_dynamic_partitions("documents")) == ["b", "a", "c", "z"]


def test_documents_that_stand_together_are_left_where_they_are(instance: dg.DagsterInstance) -> None:
    instance.add_dynamic_partitions("documents", NAMES)
    assert PartitionOrder(instance, DOCUMENTS).gather(["d3", "d2", "d4"]) == ("d2", "d4")
    assert list(instance.get_dynamic_partitions("documents")) == NAMES


def test_scattered_documents_are_moved_to_the_end(instance: dg.DagsterInstance) -> None:
    instance.add_dynamic_partitions("documents", NAMES)
    order = PartitionOrder(instance, DOCUMENTS)
    assert between(instance, *ends(order, ["d1", "d5", "new"])) == ["d1", "d5", "new"]
    assert set(instance.get_dynamic_partitions("documents")) == {*NAMES, "new"}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(st.lists(st.lists(st.sampled_from(NAMES), min_size=1, unique=True), min_size=1, max_size=4))
def test_every_batch_of_a_tick_stands_together(batches: list[list[str]]) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("documents", NAMES[:4])
        order = PartitionOrder(instance, DOCUMENTS)
        for batch in batches:
            assert list(order.pieces(batch)) == [batch]
            assert sorted(between(instance, *ends(order, batch))) == sorted(batch)


def add_run(instance: dg.DagsterInstance, tags: dict[str, str], status: dg.DagsterRunStatus = dg.DagsterRunStatus.STARTING) -> None:
    instance.add_run(dg.DagsterRun("index_documents", run_id=str(uuid.uuid4()), tags=tags, status=status))


def add_backfill(instance: dg.DagsterInstance, status: BulkActionStatus) -> None:
    made = PartitionBackfill("backfill", status, from_failure=False, tags={}, backfill_timestamp=0.0, asset_selection=[])
    instance.add_backfill(made)


RANGE = {"dagster/asset_partition_range_start": "d0", "dagster/asset_partition_range_end": "d3"}


@pytest.mark.parametrize(
    ("tags", "status", "named"),
    [
        (RANGE, dg.DagsterRunStatus.STARTING, True),
        (RANGE, dg.DagsterRunStatus.STARTED, True),
        ({"dagster/partition": "d0"}, dg.DagsterRunStatus.STARTING, True),
        ({**RANGE, BATCH_TAG: "b"}, dg.DagsterRunStatus.STARTING, False),
        (RANGE, dg.DagsterRunStatus.SUCCESS, False),
        ({}, dg.DagsterRunStatus.STARTED, False),
    ],
)
def test_runs_that_go_by_the_order(instance: dg.DagsterInstance, tags: dict[str, str], status: dg.DagsterRunStatus, named: bool) -> None:
    add_run(instance, tags, status)
    assert partitions_are_named(instance) is named


@pytest.mark.parametrize("status", BulkActionStatus)
def test_backfills_that_are_not_over_go_by_the_order(instance: dg.DagsterInstance, status: BulkActionStatus) -> None:
    add_backfill(instance, status)
    over = {"COMPLETED", "COMPLETED_SUCCESS", "COMPLETED_FAILED", "FAILED", "CANCELED"}
    assert partitions_are_named(instance) is (status.name not in over)


def test_while_a_run_goes_by_the_order_nothing_is_moved(instance: dg.DagsterInstance) -> None:
    instance.add_dynamic_partitions("documents", NAMES)
    add_run(instance, RANGE)
    order = PartitionOrder(instance, DOCUMENTS)
    assert order.gather(["d1", "new", "d5"]) is None
    pieces = list(order.pieces(["d6", "new", "d1", "d5", "d3", "newer"]))
    assert pieces == [["new", "newer"], ["d1"], ["d3"], ["d5", "d6"]]
    assert [order.gather(piece) for piece in pieces] == [("new", "newer"), ("d1", "d1"), ("d3", "d3"), ("d5", "d6")]
    assert list(instance.get_dynamic_partitions("documents")) == [*NAMES, "new", "newer"]
