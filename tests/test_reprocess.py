"""The plan names exactly what would be done again, and why."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pytest

from docpipe.artifacts import ArtifactStore
from docpipe.bucket import open_bucket
from docpipe.errors import DocumentUnknown, ParseFailed
from docpipe.ledger import Ledger
from docpipe.models import DocumentStatus, StageName
from docpipe.reconcile import reconcile
from docpipe.reprocess import Plan, choose, plan
from docpipe.settings import Settings
from docpipe.stage import Stage
from docpipe.stage_run import StageRun
from tests.small_stages import small_stages
from tests.stages import LineStage, TextStage


class Works:
    """Documents taken through stages that can be exchanged."""

    def __init__(self, settings: Settings, ledger: Ledger) -> None:
        self.ledger = ledger
        self.stages: dict[StageName, Stage] = small_stages({})
        self._settings = settings
        self._bucket = open_bucket(settings.bucket_url, settings)
        self._artifacts = ArtifactStore(open_bucket(settings.artifacts_url, settings))

    def put(self, *names: str) -> None:
        for name in names:
            self._bucket.write(name, b"one line\nanother")
        reconcile(self._bucket, self.ledger, self._settings)

    def run(self, stages: Sequence[StageName] = tuple(StageName)) -> None:
        keys = [document.key for document in self.ledger.all_documents()]
        for name in stages:
            list(StageRun(self.stages[name], self.ledger, self._artifacts, self._bucket, self._settings, "run").run(keys))

    def plan(self) -> Plan:
        return plan(self.ledger, [self.stages[name] for name in StageName])


@pytest.fixture
def works(settings: Callable[..., Settings]) -> Iterator[Works]:
    made = settings()
    with Ledger.open(made.ledger_url) as ledger:
        yield Works(made, ledger)


def stale(found: Plan) -> dict[StageName, int]:
    return {name: stage.stale for name, stage in found.stages.items() if stage.stale}


def test_nothing_is_stale_after_a_run(works: Works) -> None:
    works.put("a", "b")
    assert works.plan().waiting == 2
    works.run()
    found = works.plan()
    assert (stale(found), found.keys, found.failed, found.waiting) == ({}, [], [], 0)
    assert {stage.current for stage in found.stages.values()} == {2}


def test_a_changed_parameter_makes_its_stage_stale_and_what_follows(works: Works) -> None:
    works.put("a", "b")
    works.run()
    works.stages[StageName.CHUNKS] = LineStage(words=7)
    found = works.plan()
    assert found.keys == ["a", "b"]
    assert stale(found) == dict.fromkeys(list(StageName)[1:], 2)
    assert found.stages[StageName.CHUNKS].reasons == {"words 100 -> 7": 2}
    assert found.stages[StageName.CHUNKS].counts["chunks"] == 4
    assert found.stages[StageName.CHUNKS].seconds == pytest.approx(0.2)
    for later in list(StageName)[2:]:
        assert found.stages[later].reasons == {"an earlier stage changes": 2}
    # Planning does nothing: only a run makes them current.
    works.run()
    assert stale(works.plan()) == {}


def test_stages_beside_the_changed_one_stay(works: Works) -> None:
    works.put("a")
    works.run()
    works.stages[StageName.ENRICHED_CHUNKS].recipe = _changed(works.stages[StageName.ENRICHED_CHUNKS])  # type: ignore[method-assign]
    assert stale(works.plan()) == {StageName.ENRICHED_CHUNKS: 1, StageName.INDEXED_VECTORS: 1}


def _changed(stage: Stage):  # type: ignore[no-untyped-def]
    from docpipe.fingerprint import Recipe

    return lambda document: Recipe(stage.name, "1", {"labels": ["invoice"]})


def test_a_new_code_version_is_named(works: Works) -> None:
    works.put("a")
    works.run()
    works.stages[StageName.PARSED_PAGES] = TextStage(version="2")
    found = works.plan()
    assert found.stages[StageName.PARSED_PAGES].reasons == {"code_version 1 -> 2": 1}
    assert stale(found) == dict.fromkeys(StageName, 1)


def test_what_the_plan_says_is_what_a_run_does(works: Works) -> None:
    works.put("a", "b")
    works.run()
    works.stages[StageName.CHUNKS] = LineStage(words=7)
    planned = stale(works.plan())
    for stage in works.stages.values():
        stage.asked = []  # type: ignore[attr-defined]
    works.run()
    assert {name: len(stage.asked) for name, stage in works.stages.items() if stage.asked} == planned  # type: ignore[attr-defined]


def test_failed_and_refused_documents_stand_apart(works: Works) -> None:
    works.stages = small_stages({StageName.CHUNKS: lambda document, time: ParseFailed("no") if document.key == "b" else None})
    works.put("a", "b")
    works._bucket.write("empty", b"")
    works.put()
    works.run()
    found = works.plan()
    assert (found.failed, found.keys) == (["b", "empty"], [])
    assert works.ledger.requeue(found.failed) == ["b", "empty"]
    assert {one.key: one.status for one in works.ledger.all_documents()}["b"] is DocumentStatus.PENDING
    assert works.plan().waiting == 2


def test_a_plan_of_some_documents_leaves_the_others_out(works: Works) -> None:
    works.put("a", "b", "c")
    works.run()
    works.stages[StageName.CHUNKS] = LineStage(words=7)
    choice = choose(works.ledger, ["a", "c", "a"])
    found = plan(works.ledger, list(works.stages.values()), documents=choice.documents)
    assert found.keys == ["a", "c"]
    assert stale(found) == dict.fromkeys(list(StageName)[1:], 2)
    assert choice.current(found) == []
    assert plan(works.ledger, list(works.stages.values()), documents=[]).keys == []


def test_what_is_chosen_is_current_or_stale_or_left_out(works: Works) -> None:
    works.put("a")
    works.run()
    works._bucket.write("empty", b"")
    works.put("waits")
    choice = choose(works.ledger, ["a", "waits", "empty"])
    found = plan(works.ledger, list(works.stages.values()), documents=choice.documents)
    assert (choice.current(found), found.keys, found.waiting) == (["a"], [], 1)
    assert choice.left_out.keys() == {"empty"}
    again = choose(works.ledger, ["empty"], refused=True)
    assert (plan(works.ledger, list(works.stages.values()), documents=again.documents).failed, again.left_out) == (["empty"], {})


def test_a_document_that_nobody_knows_cannot_be_chosen(works: Works) -> None:
    works.put("a")
    with pytest.raises(DocumentUnknown, match="no document 'b'"):
        choose(works.ledger, ["a", "b"])
