"""What the sensor says, and does, when code or settings have changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from docpipe.errors import ModelMissing
from docpipe.models import DocumentStatus, StageName
from docpipe.pipeline import Pipeline
from docpipe.reconcile import reconcile
from docpipe.stage import Stage
from resources.pipeline import PipelineResource
from sensors.staleness import LEASE, PRIORITY, staleness_sensor
from tests.installation import Installation, use_small_stages
from tests.stages import LineStage

KEYS = [f"d{number}" for number in range(5)]


class Watched:
    """An installation whose five documents are indexed, and its sensor."""

    def __init__(self, installation: Installation, stages: dict[StageName, Stage]) -> None:
        self.installation, self.stages = installation, stages
        self.cursor: str | None = None

    @property
    def pipeline(self) -> Pipeline:
        return self.installation.pipeline

    def tick(self) -> str:
        context = dg.build_sensor_context(
            instance=self.installation.instance, cursor=self.cursor, resources={"pipeline": PipelineResource()}
        )
        data = staleness_sensor().evaluate_tick(context)
        self.cursor = data.cursor
        self.told = [event for event in data.asset_events if isinstance(event, dg.AssetObservation)]
        assert not data.run_requests
        return data.skip_message or ""

    def change(self) -> None:
        """Another version of the code, as after a restart."""
        self.stages[StageName.CHUNKS] = LineStage(words=7)
        self.pipeline.__dict__.pop("stages", None)

    def process(self) -> None:
        """What a run of the documents that wait would do, without the run."""
        reconcile(self.pipeline.bucket, self.pipeline.ledger, self.pipeline.settings)
        keys = self.waiting()
        for stage in StageName:
            assert not [result.error for result in self.pipeline.run(stage, keys) if result.error]

    def waiting(self) -> list[str]:
        return sorted(key for key, status in self.installation.statuses().items() if status is DocumentStatus.PENDING)


@pytest.fixture
def watched(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> Watched:
    stages = use_small_stages(monkeypatch, {})
    monkeypatch.setenv("DOCPIPE_STALE_DOCUMENTS", "2")
    installation.put(**{key: f"the text of {key}" for key in KEYS})
    made = Watched(installation, stages)
    made.process()
    return made


def test_it_tells_what_is_stale_and_touches_nothing(watched: Watched) -> None:
    assert watched.tick() == "0 of 5 documents are stale, all looked at; 0 queued"
    assert watched.told == []
    watched.change()
    assert watched.tick() == "5 of 5 documents are stale; words 100 -> 7 (5), all looked at; 0 queued"
    (told,) = watched.told
    assert told.asset_key == dg.AssetKey("indexed_vectors")
    assert "`docpipe reprocess --plan`" in (told.description or "")
    assert (told.metadata["stale"].value, watched.waiting()) == (5, [])


def test_without_a_change_it_looks_at_no_document(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    watched.tick()
    monkeypatch.setattr(watched.pipeline.ledger, "list_documents", lambda **options: pytest.fail("it looked"))
    for _ in range(2):
        assert watched.tick().startswith("nothing has changed since")


def test_switched_on_it_queues_a_few_at_a_time_behind_all_others(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watched.pipeline, "settings", watched.pipeline.settings.model_copy(update={"stale": "on"}))
    watched.change()
    assert watched.tick() == "2 of 2 documents are stale; words 100 -> 7 (2) so far; 2 queued"
    assert watched.waiting() == KEYS[:2]
    assert {watched.installation.document(key).priority for key in KEYS[:2]} == {PRIORITY}
    assert watched.tick().startswith("2 documents wait already")
    assert watched.waiting() == KEYS[:2]
    for _ in range(4):
        watched.process()
        watched.tick()
    assert watched.waiting() == []
    assert set(watched.installation.statuses().values()) == {DocumentStatus.INDEXED}
    assert watched.tick().startswith("nothing has changed since")
    assert watched.stages[StageName.CHUNKS].asked == KEYS  # type: ignore[attr-defined]


def test_while_what_it_queued_waits_for_money_or_is_held_it_queues_no_more(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watched.pipeline, "settings", watched.pipeline.settings.model_copy(update={"stale": "on"}))
    watched.change()
    watched.tick()
    ledger = watched.pipeline.ledger
    ledger.queue("batch", KEYS[:2])
    ledger.give_back(KEYS[0], 1, 3, "the budget is spent", not_before=datetime.now(UTC) + timedelta(hours=9), count=False)
    ledger.close_batch("batch", 3, hold=True)
    assert watched.tick().startswith("2 documents wait already")
    assert watched.waiting() == KEYS[:2]


def test_a_tick_that_was_killed_before_its_cursor_was_kept_queues_nothing_twice(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watched.pipeline, "settings", watched.pipeline.settings.model_copy(update={"stale": "on", "stale_documents": 99}))
    watched.change()
    before = watched.cursor
    assert watched.tick().endswith("5 queued")
    watched.cursor = before
    assert watched.tick() == "0 of 5 documents are stale, all looked at; 0 queued"


def test_off_two_daemons_and_a_model_that_is_missing(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    with watched.pipeline.ledger.lease(LEASE, "the other", 60):
        assert watched.tick() == "another evaluation of this sensor is under way"

    def missing(stages: object) -> str:
        raise ModelMissing("no model in /models")

    with monkeypatch.context() as patched:
        patched.setattr("sensors.staleness.recipes_hash", missing)
        assert watched.tick() == "what is stale cannot be told: no model in /models"
    monkeypatch.setattr(watched.pipeline, "settings", watched.pipeline.settings.model_copy(update={"stale": "off"}))
    assert watched.tick() == "DOCPIPE_STALE is off"
