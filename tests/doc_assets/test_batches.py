"""One run over many documents: each asset shows who made it, who fell there, and who never came."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from docpipe.errors import BudgetSpent, ConfigurationError, ParseFailed
from docpipe.models import Document, DocumentStatus, StageName
from tests.installation import Installation, Partitions, use_small_stages
from tests.stages import Trouble

KEYS = [f"d{number}" for number in range(7)]
AFTER_CHUNKS = [StageName.ENRICHED_CHUNKS, StageName.EMBEDDINGS, StageName.INDEXED_VECTORS]


def fails(*keys: str) -> Trouble:
    return lambda document, time: ParseFailed(f"{document.key} makes no sense") if document.key in keys else None


TROUBLE: Mapping[StageName, Trouble] = {StageName.PARSED_PAGES: fails("d2"), StageName.CHUNKS: fails("d4")}


def put_seven(installation: Installation) -> None:
    installation.put(**{key: f"the text of {key}\nin two lines" for key in KEYS})


def run_all(installation: Installation) -> dg.ExecuteInProcessResult:
    (result,) = installation.process_all()
    return result


@pytest.mark.parametrize("planned_as_subset", [True, False], ids=["planned events as a subset", "planned events one by one"])
def test_each_document_fails_alone_and_where_it_fell(
    durable_installation: Installation, monkeypatch: pytest.MonkeyPatch, planned_as_subset: bool
) -> None:
    if not planned_as_subset:
        monkeypatch.delenv("DAGSTER_EMIT_PARTITION_SUBSET_IN_PLANNED_EVENTS")
    use_small_stages(monkeypatch, TROUBLE)
    put_seven(durable_installation)
    result = run_all(durable_installation)
    assert not result.success
    (check,) = (one for one in result.get_asset_check_evaluations() if not one.passed)
    assert (check.check_name, check.metadata["failed"].value) == ("batch_is_whole", 2)
    # The check alone failed the run: every asset went through with what it had.
    assert {event.step_key for event in result.all_events if event.is_step_failure} == {"indexed_vectors_batch_is_whole"}
    good = set(KEYS) - {"d2", "d4"}
    # Dagster plans a partition for the whole run, or not at all: who never reached an asset shows there accordingly.
    never_came = "missing" if planned_as_subset else "failed"
    assert durable_installation.partitions(StageName.PARSED_PAGES) == Partitions(good | {"d4"}, {"d2"}, set())
    chunks = durable_installation.partitions(StageName.CHUNKS)
    assert chunks.materialized == good
    assert "d4" in chunks.failed
    assert "d2" in getattr(chunks, never_came)
    for stage in AFTER_CHUNKS:
        shown = durable_installation.partitions(stage)
        assert shown.materialized == good
        assert {"d2", "d4"} == getattr(shown, never_came)
    statuses = durable_installation.statuses()
    assert {key for key, status in statuses.items() if status is DocumentStatus.INDEXED} == good
    assert {key for key, status in statuses.items() if status is DocumentStatus.FAILED} == {"d2", "d4"}


def test_every_materialization_tells_about_its_document(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    use_small_stages(monkeypatch, TROUBLE)
    put_seven(installation)
    run_all(installation)
    for stage in StageName:
        by_key = {str(one.partition): one.metadata for one in installation.materializations(stage)}
        states = installation.pipeline.ledger.stage_states(list(by_key))
        assert "None" not in by_key
        for key, metadata in by_key.items():
            state = states[key, stage]
            shown = {name: value.value for name, value in metadata.items()}
            assert shown["fingerprint"] == state.fingerprint
            assert (shown["object"], shown["generation"], shown["already_there"]) == (key, 1, False)
            assert shown["seconds"] == 0.1
            assert {name: shown[name] for name in state.counts} == state.counts
    chunks = {one.partition: one.metadata["chunks"].value for one in installation.materializations(StageName.CHUNKS)}
    assert chunks == dict.fromkeys(set(KEYS) - {"d2", "d4"}, 2)


def test_the_run_itself_shows_totals_the_slowest_and_pictures(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    use_small_stages(monkeypatch, TROUBLE)
    put_seven(installation)
    run_all(installation)
    whole = next(one for one in installation.observations(StageName.CHUNKS) if one.partition is None)
    shown = {name: value.value for name, value in whole.metadata.items()}
    assert {name: shown[name] for name in ("documents", "made", "already_there", "failed", "total_chunks")} == {
        "documents": 6,
        "made": 5,
        "already_there": 0,
        "failed": 1,
        "total_chunks": 10,
    }
    slowest = [record.data for record in whole.metadata["slowest_documents"].records]  # type: ignore[attr-defined]
    assert {row["document"] for row in slowest} == set(KEYS) - {"d2", "d4"}
    (failed,) = (record.data for record in whole.metadata["failed_documents"].records)  # type: ignore[attr-defined]
    assert failed == {"document": "d4", "error": "ParseFailed", "message": "d4 makes no sense"}
    assert str(shown["chunk_lengths"]).startswith("![picture](data:image/png;base64,iVBOR")
    # The document that fell has its reason on its own partition.
    (alone,) = (one for one in installation.observations(StageName.CHUNKS) if one.partition)
    assert (alone.partition, alone.description, alone.metadata["error"].value) == ("d4", "d4 makes no sense", "ParseFailed")
    classes = next(one for one in installation.observations(StageName.ENRICHED_CHUNKS) if one.partition is None)
    assert {"document_classes", "chunk_quality"} <= classes.metadata.keys()


def test_a_rerun_finds_everything_there(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    stages = use_small_stages(monkeypatch, {})
    put_seven(installation)
    (request,) = installation.tick().requests
    assert installation.run(request).success
    for each in stages.values():
        each.asked.clear()  # type: ignore[attr-defined]
    assert installation.run(request).success
    for stage in StageName:
        assert stages[stage].asked == []  # type: ignore[attr-defined]
        newest = installation.materializations(stage)[: len(KEYS)]
        assert {one.partition for one in newest} == set(KEYS)
        assert all(one.metadata["already_there"].value for one in newest)


def test_scattered_partitions_chosen_in_the_ui(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    stages = use_small_stages(monkeypatch, {})
    put_seven(installation)
    installation.tick()
    for start, end in (("d1", "d1"), ("d3", "d4"), ("d6", "d6")):
        tags = {"dagster/asset_partition_range_start": start, "dagster/asset_partition_range_end": end}
        assert installation.execute("index_documents", tags=tags).success
    chosen = {"d1", "d3", "d4", "d6"}
    for stage in StageName:
        assert installation.partitions(stage).materialized == chosen
        assert set(stages[stage].asked) == chosen  # type: ignore[attr-defined]
    # "Missing only" is the rest, one partition a run.
    for key in sorted(set(KEYS) - chosen):
        assert installation.execute("index_documents", partition_key=key).success
    assert set(installation.statuses().values()) == {DocumentStatus.INDEXED}
    assert installation.partitions(StageName.INDEXED_VECTORS).missing == set()


def test_a_document_that_was_mended_turns_green(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    mended = False

    def trouble(document: Document, time: int) -> Exception | None:
        return ParseFailed("no") if document.key == "d2" and not mended else None

    use_small_stages(monkeypatch, {StageName.CHUNKS: trouble})
    put_seven(installation)
    assert not run_all(installation).success
    mended = True
    assert installation.execute("index_documents", partition_key="d2").success
    for stage in StageName:
        assert installation.partitions(stage) == Partitions(set(KEYS), set(), set())


def test_wrong_settings_stop_the_run_and_what_was_done_stays(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    def trouble(document: Document, time: int) -> Exception | None:
        return ConfigurationError("set DOCPIPE_EMBEDDER") if document.key == "d3" else None

    stages = use_small_stages(monkeypatch, {StageName.EMBEDDINGS: trouble})
    put_seven(installation)
    (request,) = installation.tick().requests
    result = installation.run(request)
    assert not result.success
    (failure,) = (event for event in result.all_events if event.is_step_failure and event.step_key == "embeddings")
    assert "set DOCPIPE_EMBEDDER" in str(failure.step_failure_data.error)
    assert DocumentStatus.FAILED not in installation.statuses().values()
    assert set(stages[StageName.INDEXED_VECTORS].asked) == set()  # type: ignore[attr-defined]


def test_a_run_whose_documents_all_wait_for_money_did_not_fail(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    tomorrow = datetime.now(UTC) + timedelta(hours=9)
    stages = use_small_stages(
        monkeypatch, {StageName.EMBEDDINGS: lambda document, time: BudgetSpent("waits: the budget is spent", tomorrow)}
    )
    put_seven(installation)
    result = run_all(installation)
    assert result.success
    skipped = {event.step_key for event in result.all_events if event.is_step_skipped}
    assert skipped == {"indexed_vectors", "indexed_vectors_batch_is_whole"}
    assert stages[StageName.INDEXED_VECTORS].asked == []  # type: ignore[attr-defined]
    assert installation.partitions(StageName.CHUNKS) == Partitions(set(KEYS), set(), set())
    assert installation.partitions(StageName.EMBEDDINGS) == Partitions(set(), set(), set(KEYS))
    assert {(installation.document(key).status, installation.document(key).attempts) for key in KEYS} == {(DocumentStatus.PENDING, 0)}
    assert not [one for stage in AFTER_CHUNKS for one in installation.materializations(stage)]
    waiting = next(one for one in installation.observations(StageName.EMBEDDINGS) if one.partition is None)
    assert "0 failed, 7 wait for money" in str(waiting.description)
    assert not installation.tick().requests, "nobody is asked again before tomorrow"


def test_what_a_stage_reads_of_all_partitions_does_not_grow_with_its_documents(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_small_stages(monkeypatch, {})
    put_seven(installation)
    (request,) = installation.tick().requests
    reads: list[int] = []
    read = type(installation.instance).get_dynamic_partitions

    def counted(instance: dg.DagsterInstance, partitions_def_name: str) -> object:
        keys = read(instance, partitions_def_name)
        reads.append(len(keys))
        return keys

    monkeypatch.setattr(type(installation.instance), "get_dynamic_partitions", counted)
    assert installation.run(request).success
    # A few for each step, and none for each document of a step.
    assert 0 < len(reads) < len(StageName) * len(KEYS)
