"""Searches move when the new collection is complete and no worse, once, whoever dies or interferes."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from docpipe.errors import ParseFailed
from docpipe.index import Collection, Listed, open_catalog, open_writer
from docpipe.ledger import Switch
from docpipe.models import StageName
from docpipe.pipeline import Pipeline
from docpipe.stage import Stage
from docpipe.switch import Verdict, due, look, rollback, switch, switching, weighing
from docpipe.switch.weighing import Weighed
from tests.small_stages import small_stages
from tests.switch.conftest import QUESTIONS, TEXTS, WORSE, Works, write_golden

MakeWorks = Callable[..., Works]

KILLED = """
import os, signal, sys
from docpipe.pipeline import Pipeline
from docpipe.settings import load_settings
from docpipe.switch import switching

switching.send = lambda *arguments: os.kill(os.getpid(), signal.SIGKILL)
switching.switch(Pipeline(load_settings(home=sys.argv[1], index_quantization="int8", _env_file=None)))
"""


def decisions(works: Works) -> list[tuple[str, bool]]:
    """Oldest first."""
    return [(one.collection, one.accepted) for one in reversed(works.first.ledger.switches("documents"))]


def build(works: Works, texts: Mapping[str, str] | None = None) -> None:
    works.index_of(works.second).texts = dict(texts or {})
    works.reprocess(works.second)


def test_the_new_collection_is_built_beside_and_searched_when_it_is_complete(works: Works) -> None:
    assert (works.searched, due(works.first), due(works.second)) == (works.old.name, "", "")
    works.first.ledger.requeue(["gate"])
    works.process(works.second)
    # One of three is there.
    assert (works.searched, due(works.second)) == (works.old.name, "")
    assert switch(works.second).verdict is Verdict.UNCHANGED
    build(works)
    works.put(late="A late one")
    works.second.bucket.write("late", b"A late one")
    assert due(works.second) == f"{works.new.name} is complete"
    outcome = switch(works.second)
    assert (outcome.verdict, outcome.previous, works.searched) == (Verdict.SWITCHED, works.old.name, works.new.name)
    assert "not compared" in outcome.reason
    assert decisions(works) == [(works.new.name, True)]
    assert due(works.second) == ""
    assert {one.collection.name for one in look(works.second).listed} == {works.old.name, works.new.name}


def test_what_waits_keeps_the_new_collection_from_being_searched(works: Works) -> None:
    build(works)
    works.second.ledger.requeue(["gate"])
    assert due(works.second) == ""
    works.process(works.second)
    assert due(works.second)


def test_one_that_finds_as_much_is_searched_with_its_numbers(make_works: MakeWorks, golden: str) -> None:
    works = make_works(golden_set=golden)
    build(works)
    outcome = switch(works.second)
    assert outcome.verdict is Verdict.SWITCHED
    (decided,) = works.second.ledger.switches("documents")
    assert decided.quality == outcome.quality
    assert {side: decided.quality[side]["ndcg"] for side in ("candidate", "searched")} == {"candidate": 1.0, "searched": 1.0}
    assert decided.quality["candidate"] | {"mrr": 0, "recall": 0, "ndcg": 0} == {
        "collection": works.new.name,
        "model": works.new.model,
        "dimension": works.new.dimension,
        "points": 3,
        "mrr": 0,
        "recall": 0,
        "ndcg": 0,
    }
    assert (decided.quality["questions"], decided.quality["lacking"]) == (3, 0)


def test_one_that_finds_less_is_refused_until_something_changes(
    make_works: MakeWorks, golden: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    works = make_works(golden_set=golden)
    build(works, WORSE)
    outcome = switch(works.second)
    assert (outcome.verdict, works.searched) == (Verdict.REFUSED, works.old.name)
    assert outcome.quality["candidate"]["ndcg"] < outcome.quality["searched"]["ndcg"] == 1.0
    assert decisions(works) == [(works.new.name, False)]
    assert due(works.second) == ""
    # The golden set changed: it no longer asks what the new one cannot answer.
    write_golden(Path(golden), {"snow": QUESTIONS["snow"]})
    assert due(works.second)
    write_golden(Path(golden), QUESTIONS)
    assert due(works.second) == ""
    # The collection changed: tried again, but not at every tick.
    works.put(more="One more document")
    works.process(works.second)
    assert due(works.second) == ""
    monkeypatch.setattr(switching, "RETRY_SECONDS", 0.0)
    assert due(works.second)
    works.index_of(works.second).version = "2"
    build(works)
    assert switch(works.second).verdict is Verdict.SWITCHED


def test_a_golden_set_that_cannot_be_read_is_no_reason_to_switch(make_works: MakeWorks, golden: str) -> None:
    works = make_works(golden_set=golden)
    build(works)
    (Path(golden) / "qrels.tsv").write_text("nonsense")
    outcome = switch(works.second)
    assert (outcome.verdict, works.searched) == (Verdict.REFUSED, works.old.name)
    assert "qrels.tsv" in outcome.reason
    assert due(works.second) == ""


def test_points_that_are_missing_are_noticed(works: Works) -> None:
    build(works)
    with open_writer(works.second.settings) as index:
        index.delete(["gate"])
    outcome = switch(works.second)
    assert (outcome.verdict, works.searched) == (Verdict.REFUSED, works.old.name)
    assert "1 missing (gate)" in outcome.reason
    assert due(works.second) == ""


def test_a_document_that_fell_on_the_way_into_the_new_collection_is_not_lost(works: Works) -> None:
    works.stages = small_stages({StageName.EMBEDDINGS: lambda document, time: ParseFailed("no") if document.key == "snow" else None})
    works.stages[StageName.EMBEDDINGS] = _renamed(works.stages[StageName.EMBEDDINGS])
    works.first.ledger.requeue(list(TEXTS))
    for stage in StageName:
        list(works.second.run(stage, list(TEXTS), "run"))
    assert due(works.second)
    outcome = switch(works.second)
    assert (outcome.verdict, outcome.quality["lacking"]) == (Verdict.REFUSED, 1)
    assert "1 missing (snow)" in outcome.reason


def _renamed(stage: Stage) -> Stage:
    """Another recipe, so that what is there is not found."""
    from docpipe.fingerprint import Recipe

    stage.recipe = lambda document: Recipe(stage.name, "2")  # type: ignore[method-assign]
    return stage


def test_a_kill_between_the_decision_and_the_engine_is_made_good(works: Works) -> None:
    build(works)
    home = str(works.second.settings.home)
    killed = subprocess.run([sys.executable, "-c", KILLED, home], capture_output=True, timeout=120, check=False)
    assert killed.returncode == -9, killed.stderr
    assert (decisions(works), works.searched) == ([(works.new.name, True)], works.old.name)
    assert due(works.second) == f"searches belong to {works.new.name}"
    outcome = switch(works.second)
    assert (outcome.verdict, works.searched) == (Verdict.RESTORED, works.new.name)
    assert decisions(works) == [(works.new.name, True)]
    assert due(works.second) == ""


def test_two_that_switch_at_the_same_time_decide_once(works: Works, monkeypatch: pytest.MonkeyPatch) -> None:
    build(works)
    together, stock = threading.Barrier(2), weighing.weigh

    def weigh(pipeline: Pipeline, candidate: Listed, searched: Listed | None) -> Weighed:
        weighed = stock(pipeline, candidate, searched)
        together.wait(60)
        return weighed

    monkeypatch.setattr(weighing, "weigh", weigh)
    verdicts: list[Verdict] = []
    threads = [threading.Thread(target=lambda: verdicts.append(switch(works.second).verdict)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(verdicts) == [Verdict.SWITCHED, Verdict.UNCHANGED]
    assert decisions(works) == [(works.new.name, True)]


def test_somebody_who_rolls_back_meanwhile_is_not_overruled(works: Works, monkeypatch: pytest.MonkeyPatch) -> None:
    build(works)
    assert switch(works.second).verdict is Verdict.SWITCHED
    rollback(works.second)
    stock = weighing.weigh

    def weigh(*arguments: Any) -> Weighed:
        weighed = stock(*arguments)
        works.second.ledger.record_switches("documents", [Switch(works.old.name, True, "by hand")])
        return weighed

    monkeypatch.setattr(weighing, "weigh", weigh)
    assert switch(works.second).verdict is Verdict.UNCHANGED
    assert works.searched == works.old.name


def aliases(works: Works) -> Path:
    return works.first.settings.home / "index" / "aliases.json"


def test_an_alias_that_is_lost_is_restored(works: Works) -> None:
    build(works)
    aliases(works).unlink()
    # Nothing was ever decided: the settings' own collection.
    assert due(works.first) == f"searches belong to {works.old.name}"
    assert (switch(works.first).verdict, works.searched) == (Verdict.RESTORED, works.old.name)
    assert switch(works.second).verdict is Verdict.SWITCHED
    aliases(works).unlink()
    assert (switch(works.first).verdict, works.searched) == (Verdict.RESTORED, works.new.name)


def test_an_alias_that_points_nowhere_goes_back_to_the_collection_before(works: Works) -> None:
    build(works)
    switch(works.second)
    shutil.rmtree(works.first.settings.home / "index" / works.new.name)
    assert due(works.second) == f"searches belong to {works.old.name}"
    outcome = switch(works.second)
    assert (outcome.verdict, works.searched) == (Verdict.RESTORED, works.old.name)
    assert "is gone" in outcome.reason
    # Built anew, it is tried like any other.
    works.second.ledger.requeue(list(TEXTS))
    for key in TEXTS:
        state = works.second.ledger.stage_states([key])[key, StageName.INDEXED_VECTORS]
        works.second.artifacts.delete(StageName.INDEXED_VECTORS, key, state.fingerprint)
    works.process(works.second)
    assert (switch(works.second).verdict, works.searched) == (Verdict.SWITCHED, works.new.name)


def test_a_searched_collection_whose_model_is_gone_gives_way(make_works: MakeWorks, golden: str) -> None:
    works = make_works(golden_set=golden)
    gone = Collection("documents", "gone", "0" * 64, "/no/such/folder", 8)
    works.index_of(works.first).collection = gone
    works.first.ledger.requeue(list(TEXTS))
    works.process(works.first)
    with open_catalog(works.first.settings) as catalog:
        catalog.activate(gone.name)
    build(works)
    outcome = switch(works.second)
    assert (outcome.verdict, works.searched) == (Verdict.SWITCHED, works.new.name)
    assert "cannot be searched" in outcome.reason


def test_nothing_to_switch_to_without_a_model(works: Works) -> None:
    broken = Pipeline(works.first.settings.model_copy(update={"embedder": "/no/such/folder"}))
    assert due(broken) == ""
    outcome = switch(broken)
    assert outcome.verdict is Verdict.UNCHANGED
    assert "/no/such/folder" in outcome.reason
    broken.ledger.close()
