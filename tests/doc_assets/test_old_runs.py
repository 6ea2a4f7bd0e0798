"""Old runs go, and no partition changes its colour for it."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from doc_assets.old_runs import delete_run, old_runs
from docpipe.errors import ParseFailed
from docpipe.models import StageName
from tests.installation import Installation, use_small_stages
from tests.stages import LineStage

KEYS = [f"d{number}" for number in range(4)]


def use(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> Installation:
    """Three documents made, one failed; one made anew by a second run, and removals twice."""
    stages = use_small_stages(monkeypatch, {StageName.CHUNKS: lambda document, time: ParseFailed("no") if document.key == "d3" else None})
    installation.put(**{key: f"the text of {key}" for key in KEYS})
    installation.process_all()
    stages[StageName.CHUNKS] = LineStage(words=3)
    installation.pipeline.ledger.requeue(["d0"])
    installation.process_all()
    for _ in range(2):
        installation.execute("remove_documents")
    return installation


@pytest.fixture
def used(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> Installation:
    return use(installation, monkeypatch)


@pytest.fixture
def used_on_disk(durable_installation: Installation, monkeypatch: pytest.MonkeyPatch) -> Installation:
    return use(durable_installation, monkeypatch)


def jobs(used: Installation) -> list[str]:
    return sorted(run.job_name for run in used.instance.get_runs())


def delete_old(used: Installation, days: int = 0) -> int:
    pages = list(map(len, (_delete(used, page) for page in old_runs(used.instance, used.pipeline.ledger, days))))
    return sum(pages)


def _delete(used: Installation, page: list[dg.DagsterRun]) -> list[dg.DagsterRun]:
    for run in page:
        delete_run(used.instance, run)
    return page


def settle(used: Installation) -> None:
    """A tick, which closes the batches of the runs that are over."""
    used.tick()


def test_a_run_whose_documents_were_all_made_anew_goes_with_its_files(used_on_disk: Installation) -> None:
    used = used_on_disk
    settle(used)
    first = used.instance.get_runs(dg.RunsFilter(job_name="index_documents"), ascending=True, limit=1)[0]
    storage = used.instance.event_log_storage
    shard = Path(storage.path_for_shard(first.run_id))  # type: ignore[attr-defined]
    assert shard.exists()
    used.pipeline.ledger.requeue(KEYS)
    for key in KEYS:
        used.pipeline.artifacts.delete_document(key)
    used.process_all()
    settle(used)
    after = {stage: used.partitions(stage) for stage in StageName}
    assert delete_old(used) == 3
    assert used.instance.get_run_by_id(first.run_id) is None
    assert not shard.exists()
    for stage in StageName:
        storage.wipe_asset_cached_status(dg.AssetKey(stage.value))
        assert used.partitions(stage) == after[stage]
        assert used.partitions(stage).materialized == set(KEYS)


def test_what_is_young_unsettled_or_still_shown_stays(used: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    assert delete_old(used, days=1) == 0
    monkeypatch.setattr("doc_assets.old_runs.PAGE", 1)
    # Only looked at; and the batches are open: nobody has looked at their runs yet.
    found = [run.job_name for page in old_runs(used.instance, used.pipeline.ledger, 0) for run in page]
    assert found == ["remove_documents"]
    assert len(jobs(used)) == 4
    settle(used)
    before = {stage: used.partitions(stage) for stage in StageName}
    assert before[StageName.CHUNKS].failed == {"d3"}
    # The first run made what still holds of d1 and d2, and d3 failed in it. In pages of one the same go as in one large page.
    monkeypatch.setattr("doc_assets.upkeep.old_runs", lambda instance, ledger, days: old_runs(instance, ledger, 0))
    result = used.execute("clean_up")
    assert result.success
    (output,) = (event for event in result.all_events if event.event_type_value == "STEP_OUTPUT")
    assert output.step_output_data.metadata["runs"].value == 1
    assert jobs(used) == ["clean_up", "index_documents", "index_documents", "remove_documents"]
    for stage in StageName:
        used.instance.event_log_storage.wipe_asset_cached_status(dg.AssetKey(stage.value))
        assert used.partitions(stage) == before[stage]
